import Glibc
import TestSupport
import Testing

@testable import Spindle

/// One connection, and a random sequence of what both sides may do.
@Suite(.ownThreads) struct StreamFuzzTests {
    static let seeds: Range<Int> = {
        let first = getenv("SPINDLE_FUZZ_FIRST").flatMap { Int(String(cString: $0)) } ?? 0
        let count = getenv("SPINDLE_FUZZ_SEEDS").flatMap { Int(String(cString: $0)) } ?? 5
        return first..<(first + count)
    }()

    @Test("S, W, P, X: whatever both sides do, in any order", arguments: StreamKind.allCases)
    func fuzz(kind: StreamKind) throws {
        for seed in Self.seeds { try Scenario(kind, seed).run() }
    }

    static func byte(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: (index &* 2_654_435_761) >> 11) }
    static func bytes(_ from: Int, _ count: Int) -> [UInt8] { (from..<from + count).map(byte) }

    final class Prod: Producer {
        unowned let s: Scenario
        let streaming: Bool
        var isPaused = false
        var stops = 0
        init(_ s: Scenario, _ streaming: Bool) { self.s = s; self.streaming = streaming }
        func pauseProducing() {
            s.check(!isPaused, "paused twice")
            s.check(stops == 0, "paused after stop")
            isPaused = true
        }
        func resumeProducing() {
            s.check(stops == 0, "resumed after stop")
            if streaming { s.check(isPaused, "resumed, not paused") }
            isPaused = false
            try? s.entered("resume", nil)
            guard s.producer === self else { return }
            if s.random(8) == 0 { return s.unregister() }
            var rounds = 0
            repeat {
                s.write(s.random(30_000)); rounds += 1
            } while streaming && !isPaused && rounds < 5 && s.producer === self
        }
        func stopProducing() {
            stops += 1
            s.check(stops == 1, "stopped twice")
            s.producer = nil
            try? s.entered("stop", nil)
        }
    }

    final class Scenario {
        let kind: StreamKind, seed: Int
        var generator: SeededGenerator
        var subject: Recorder!
        var current: Recorder!
        var producer: Prod?
        var depth = 0
        var written = 0
        var acceptsWrites = true
        var received = 0
        var isPaused = false
        var isClosed = false
        var losses = 0
        var made = 0
        var trace: [String] = []
        var aborted = false, threw = false, loseCalled = false
        var failed = false
        let peerSent = Lock(0)
        let peerGot = Lock(0)
        let peerNote = Lock("")
        var waiters = 0, fired = 0
        var ticks = 0
        let pipeRead: CInt, pipeWrite: CInt
        var transfer: Deferred<Int>?
        var uncertain = false
        let directory = try! TemporaryDirectory()
        var files = 0
        let descriptorsSent = Lock(0)
        var descriptorsReceived = 0
        struct Oops: Error {}

        init(_ kind: StreamKind, _ seed: Int) {
            (self.kind, self.seed) = (kind, seed)
            generator = SeededGenerator(seed: seed &* 31 &+ StreamKind.allCases.firstIndex(of: kind)!)
            var ends: [CInt] = [-1, -1]
            pipe(&ends)
            (pipeRead, pipeWrite) = (ends[0], ends[1])
        }
        func random(_ n: Int) -> Int { Int.random(in: 0..<n, using: &generator) }

        func check(_ ok: Bool, _ what: String) {
            if !ok, !failed {
                failed = true
                Issue.record("\(kind) seed \(seed): \(what)\n\(trace.suffix(200).joined(separator: "; "))")
            }
        }

        func write(_ count: Int) {
            guard let current, transfer == nil, !uncertain else { return }
            trace.append("w\(count)")
            // A model of acceptance: the transport says nothing, so the stream is compared as far as it came.
            let data = StreamFuzzTests.bytes(written, count)
            if modelAccepts { written += count }
            current.transport.write(data)
        }
        var modelAccepts: Bool { (current?.transport as? SocketTransport)?.acceptsWrites ?? false }
        func stopAccepting() { if producer == nil { acceptsWrites = false } }
        func unregister() {
            guard let p = producer else { return }
            _ = p
            producer = nil
            trace.append("unreg")
            if loseCalled || writeEndCalled { acceptsWrites = false }
            current.transport.unregisterProducer()
        }
        var writeEndCalled = false

        /// A callback has begun.
        func entered(_ what: String, _ me: Recorder?) throws {
            trace.append("<\(what)>")
            let nested = what == "resume" || what == "stop"
            if !nested {
                check(depth == 0, "\(what) re-entered")
                depth += 1
            }
            let couldThrow = mayThrow
            mayThrow = what == "fd" || what.hasPrefix("data") || what == "made" || what.hasSuffix("Lost")
            defer { if !nested { depth -= 1 }; mayThrow = couldThrow }
            if what == "stop" { return }
            for _ in 0..<random(3) { try act(inCallback: true) }
        }

        func act(inCallback: Bool) throws {
            guard made > 0, let t = current?.transport else { return }
            switch random(31) {
            case 0..<8: write(random(4) == 0 ? random(400_000) : random(6000))
            case 8, 9:
                trace.append("pause")
                if !isClosing { isPaused = true }
                t.pauseProducing()
            case 10..<14:
                trace.append("resume"); isPaused = false; t.resumeProducing()
            case 14:
                let lo = random(40_000)
                trace.append("marks"); t.waterMarks = WaterMarks(low: lo, high: lo + random(100_000))
            case 15:
                trace.append("drained"); waiters += 1
                let d = t.whenDrained()
                let now = d.hasFired
                d.addBoth { [self] _ -> Void in
                    fired += 1; if !now { try? entered("drained", nil) }
                }
            case 16, 17:
                guard producer == nil, transfer == nil, !isClosing else { return }
                let p = Prod(self, random(2) == 0)
                trace.append("reg\(p.streaming ? "push" : "pull")")
                producer = p
                keep.append(p)
                try t.registerProducer(p, streaming: p.streaming)
            case 18: unregister()
            case 25
            where producer == nil && transfer == nil && !uncertain && !isClosing && modelAccepts && random(2) == 0:
                let path = directory.file("f\(files)")
                files += 1
                let total = random(3) == 0 ? 0 : random(1_500_000)
                let content = StreamFuzzTests.bytes(written, total)
                let d = open(path, O_CREAT | O_WRONLY, 0o600)
                _ = content.withUnsafeBytes { Glibc.write(d, $0.baseAddress, $0.count) }
                close(d)
                trace.append("file\(total)")
                written += total
                let sender = try FileSender(path: path)
                var last = -1
                let d2 = sender.beginFileTransfer(to: t) { [self] n in
                    check(n >= last && n <= total, "progress \(n) after \(last)")
                    last = n
                    if transfer != nil { try? entered("progress", nil) }
                }
                guard !d2.hasFired else { d2.addErrback { _ -> Int in 0 }; uncertain = true; return }
                transfer = d2
                d2.addBoth { [self] result -> Void in
                    transfer = nil
                    if case .failure(let e) = result {
                        trace.append("file failed \(e)"); uncertain = true
                    } else {
                        if loseCalled || writeEndCalled { acceptsWrites = false }
                        trace.append("sent")
                        if !isOver { try? entered("sent", nil) }
                    }
                }
                if random(4) == 0 { truncate(path, random(total + 1)); trace.append("cut"); uncertain = true }
            case 26 where transfer != nil && random(4) == 0:
                trace.append("cancelfile"); transfer?.cancel()
            case 27 where kind.isUNIX && modelAccepts && transfer == nil && !uncertain:
                let n = 1 + random(random(3) == 0 ? 300_000 : 5)
                trace.append("fd\(n)")
                let data = StreamFuzzTests.bytes(written, n)
                written += n
                try t.sendFileDescriptor(pipeWrite, with: data)
            case 19 where current is HalfCloser || random(3) == 0:
                guard !writeEndCalled else { return }
                trace.append("loseWrite"); writeEndCalled = true; if !loseCalled { stopAccepting() }
                t.loseWriteConnection()
            case 20 where random(3) == 0 || ticks > 15:
                trace.append("lose"); isClosing = true; loseCalled = true; stopAccepting(); t.loseConnection()
            case 21 where random(3) == 0:
                trace.append("loseT"); isClosing = true; loseCalled = true; stopAccepting()
                mayAbort = true
                t.loseConnection(timeout: .milliseconds(random(200)))
            case 22 where random(6) == 0:
                trace.append("abort"); isClosing = true; aborted = true; acceptsWrites = false; t.abortConnection()
            case 23 where random(3) == 0:
                guard !isOver else { return }
                trace.append("switch")
                let next: Recorder = makeRecorder()
                next.whenLost = current.whenLost
                current.whenLost = {}
                let old = current!
                old.onData = { [self] _, _ in check(false, "old protocol heard data") }
                old.onLost = { [self] _ in check(false, "old protocol heard loss") }
                retired.append(old)
                current = next

                t.switchProtocol(to: next)
            case 24 where inCallback && mayThrow && random(6) == 0:
                trace.append("throw"); threw = true; mayAbort = true; throw Oops()
            case 25 where random(3) == 0: _ = (t.host, t.peer, t.isPaused, t.isConnected)
            default: break
            }
        }
        var isClosing = false, isOver = false, mayAbort = false
        var keep: [Prod] = [], retired: [Recorder] = []

        final class HalfCloser: Recorder, HalfCloseProtocol, FileDescriptorReceiver {
            func fileDescriptorReceived(_ descriptor: consuming ReceivedDescriptor) throws { try onEnd("fd") }
            var onEnd: (String) throws -> Void = { _ in }
            func readConnectionLost() throws { try onEnd("readLost") }
            func writeConnectionLost() throws { try onEnd("writeLost") }
            override func connectionLost(_ reason: any Error) { onEnd = { _ in }; super.connectionLost(reason) }
        }

        func makeRecorder() -> Recorder {
            let r: Recorder
            if random(2) == 0 {
                let h = HalfCloser()
                h.onEnd = { [self, unowned h] in
                    if $0 == "fd" {
                        descriptorsReceived += 1
                        check(h === current, "fd for an old protocol")
                        check(!h.transport.isPaused && !isClosing && losses == 0, "fd out of place")
                    }
                    try wrapped { try self.entered($0, nil) }($0)
                }
                r = h
            } else {
                r = Recorder()
            }
            r.keepsNothing = true
            r.onMade = { [self] me in
                trace.append("made"); made += 1
                check(losses == 0, "made after lost")
                try wrapped { try self.entered($0, me) }("made")
            }
            r.onData = { [self] me, data in
                check(me === current, "data for an old protocol")
                check(!isPaused || me.transport.isPaused == false, "data while paused")
                check(!me.transport.isPaused, "data while paused (transport)")
                check(!isClosing, "data after closing")
                check(losses == 0, "data after lost")
                let bytes = Array(copying: data)
                check(
                    bytes == StreamFuzzTests.bytes(received, bytes.count), "input differs at \(received)+\(bytes.count)"
                )
                received += bytes.count
                try wrapped { try self.entered($0, me) }("data\(bytes.count)")
            }
            r.onLost = { [self] me in
                trace.append("lost \(me.reason!)"); losses += 1; isOver = true; acceptsWrites = false
                check(depth == 0, "lost re-entered")
                check(losses == 1, "lost twice")
                if me.reason is ConnectionAborted { check(aborted || mayAbort || forced, "aborted by nobody") }
                if me.reason is Oops { check(threw, "Oops") }
                depth += 1
                for _ in 0..<3 { try? act(inCallback: false) }
                depth -= 1
            }
            return r
        }
        var mayThrow = false
        var forced = false
        func wrapped(_ body: @escaping (String) throws -> Void) -> (String) throws -> Void {
            { [self] what in
                do { try body(what) } catch {
                    isClosing = true; loseCalled = true; acceptsWrites = false
                    throw error
                }
            }
        }

        func tick(_ reactor: Reactor) {
            reactor.callLater(.microseconds(random(4) == 0 ? random(3000) : 0)) { [self] in
                guard !isOver else { return }
                guard made > 0 else { return tick(reactor) }
                ticks += 1
                depth += 1
                defer { depth -= 1 }
                trace.append("tick")
                try? act(inCallback: false)
                if ticks < 60 {
                    tick(reactor)
                } else if !isOver {
                    trace.append("finish")
                    transfer?.cancel()
                    unregister()
                    isPaused = false
                    current.transport.resumeProducing()
                    isClosing = true; loseCalled = true; stopAccepting()
                    current.transport.loseConnection()
                    reactor.callLater(.seconds(8)) { [self] in
                        if !isOver {
                            forced = true
                            check(false, "still open: \(current.transport.isConnected)")
                            current.transport.abortConnection()
                        }
                    }
                }
            }
        }

        func run() throws {
            subject = makeRecorder()
            current = subject
            let first = subject!
            let plan = (0..<25).map { _ in (random(12), random(60_000), random(2000)) }
            let (isUNIX, pw, sentDescriptors) = (kind.isUNIX, pipeWrite, descriptorsSent)
            let (sent, got, note) = (peerSent, peerGot, peerNote)
            try kind.run(
                first,
                adjust: {
                    if self.random(3) == 0 { $0.receiveBufferSize = 1 + self.random(5000) }
                    $0.closeLimit = .seconds(3)
                    $0.lingerLimit = .milliseconds(300)
                }, receiveBuffer: random(2) == 0 ? 4096 : nil,
                setUp: { reactor in
                    reactor.callLater(.milliseconds(2)) { [self] in tick(reactor) }
                }
            ) { peer in
                func receiveSome() throws -> Bool {
                    let bytes = try peer.receiveSome()
                    if bytes.isEmpty { return false }
                    let before = got.withLock { $0 }
                    if bytes != StreamFuzzTests.bytes(before, bytes.count) {
                        note.withLock { $0 = "output differs at \(before)+\(bytes.count)" }
                    }
                    got.withLock { $0 += bytes.count }
                    return true
                }
                _ = fcntl(peer.descriptor, F_SETFL, fcntl(peer.descriptor, F_GETFL) | O_NONBLOCK)
                func isAgain(_ e: any Error) -> Bool { (e as? Peer.Failure)?.errno == EAGAIN }
                var finished = false
                for (op, size, pause) in plan {
                    switch op {
                    case 0..<4:
                        if finished { continue }
                        let from = sent.withLock { $0 }
                        let data = StreamFuzzTests.bytes(from, size)
                        let n = data.withUnsafeBytes {
                            send(peer.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                        }
                        if n > 0 { sent.withLock { $0 += n } } else if n < 0, errno != EAGAIN { return }
                    case 4 where isUNIX && !finished:
                        let from = sent.withLock { $0 }
                        let data = StreamFuzzTests.bytes(from, 1 + size % 50)
                        if case .sent(let n) = data.withRawSpan({
                            Socket(descriptor: peer.descriptor).send($0, with: pw)
                        }), n > 0 {
                            sent.withLock { $0 += n }
                            sentDescriptors.withLock { $0 += 1 }
                        } else {
                            usleep(10)
                        }
                    case 5..<9: do { _ = try receiveSome() } catch { if !isAgain(error) { return } }
                    case 9: usleep(UInt32(pause))
                    case 10 where size % 8 == 0: finished = true; peer.finishSending()
                    case 11 where size % 30 == 0: peer.reset(); return
                    default: usleep(100)
                    }
                }
                _ = fcntl(peer.descriptor, F_SETFL, fcntl(peer.descriptor, F_GETFL) & ~O_NONBLOCK)
                while try receiveSome() {}
                note.withLock { if $0.isEmpty { $0 = "end" } }
            }
            let n = peerNote.withLock { $0 }
            check(!n.contains("differs"), n)
            check(losses == 1, "losses \(losses)")
            check(received <= peerSent.withLock { $0 }, "more than was sent")
            let reason = current.reason ?? first.reason
            if reason is ConnectionDone, n == "end", !uncertain {
                check(peerGot.withLock { $0 } == written, "output: \(peerGot.withLock { $0 }) of \(written)")
            }
            check(peerGot.withLock { $0 } <= written, "output: \(peerGot.withLock { $0 }) more than \(written)")
            check(descriptorsReceived <= descriptorsSent.withLock { $0 }, "descriptors")
            close(pipeWrite)
            var watched = pollfd(fd: pipeRead, events: 0, revents: 0)
            poll(&watched, 1, 0)
            check(Int32(watched.revents) & POLLHUP != 0, "descriptor leaked")
            close(pipeRead)
            directory.remove()
            check(transfer == nil, "transfer not ended")
            check(fired == waiters, "waiters \(fired) of \(waiters)")
            for p in keep { check(p.stops <= 1, "stops") }
            keep = []; retired = []; subject = nil; current = nil
        }
    }
}
