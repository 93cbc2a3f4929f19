import Glibc
import TestSupport
import Testing

@testable import Spindle

/// Rule X2 of the contract: sending descriptors.
@Suite(.ownThreads) struct DescriptorSendingTests {
    typealias Way = DescriptorReceivingTests.Way

    /// Sends the file with this number, of which the caller's descriptor is closed at once.
    private static func send(_ files: NumberedFiles, _ number: Int, _ text: String, by transport: Transport) throws {
        let descriptor = files.open(number)
        defer { close(descriptor) }
        try transport.sendFileDescriptor(descriptor, with: text)
    }

    @Test(
        "X2: a descriptor goes out at once, with its bytes, between what is written before and after",
        arguments: Way.all)
    func one(way: Way) throws {
        try NumberedFiles.with { files in
            let subject = Recorder()
            subject.onMade = { me in
                me.transport.write("before")
                try Self.send(files, 5, "with", by: me.transport)
                me.transport.write("after")
                me.transport.loseConnection()
                me.transport.write("too late")
                #expect(throws: Never.self) { try Self.send(files, 6, "too late", by: me.transport) }
            }
            let outcome = try way.run(subject) { peer in
                let (bytes, marks) = try peer.receiveToEnd { files.number(of: $0) }
                #expect(String(decoding: bytes, as: UTF8.self) == "beforewithafter")
                #expect(marks.map(\.mark) == [5])
                #expect((marks.first?.before ?? 0) > 6)
            }
            #expect(outcome.peerError == nil)
            #expect(subject.reason is ConnectionDone)
            #expect(files.openCount == 0)
        }
    }

    @Test(
        "X2, W3: a large backlog before, between and behind descriptors keeps its order; closing flushes it all",
        arguments: Way.all)
    func backlog(way: Way) throws {
        try NumberedFiles.with { files in
            let subject = Recorder()
            let block = [UInt8](repeating: UInt8(ascii: "-"), count: 150_000)
            subject.onMade = { me in
                for number in 0..<5 {
                    me.transport.write(block)
                    try Self.send(files, number, "#", by: me.transport)
                    // As long as the next ones, but in the descriptor's own write.
                    let descriptor = files.open(number + 100)
                    try me.transport.sendFileDescriptor(descriptor, with: [UInt8(ascii: "#")] + block)
                    close(descriptor)
                    me.transport.write("short")
                }
                me.transport.loseConnection()
            }
            let outcome = try way.run(subject) { peer in
                let (bytes, marks) = try peer.receiveToEnd { files.number(of: $0) }
                var expected: [UInt8] = []
                for _ in 0..<5 { expected += block + Array("##".utf8) + block + Array("short".utf8) }
                #expect(bytes.count == expected.count)
                #expect(bytes == expected)
                #expect(marks.map(\.mark) == (0..<5).flatMap { [$0, $0 + 100] })
                let places = bytes.indices.filter { bytes[$0] == UInt8(ascii: "#") }
                // With its byte, and no earlier than the receive that had it.
                for (place, mark) in zip(places, marks) { #expect((place + 1...place + 65_536).contains(mark.before)) }
            }
            #expect(outcome.peerError == nil)
            #expect(subject.reason is ConnectionDone)
            #expect(files.openCount == 0)
        }
    }

    @Test(
        "X2: random writes and descriptors arrive in the order in which they were made",
        arguments: Way.all, 1...3)
    func random(way: Way, seed: Int) throws {
        try NumberedFiles.with { files in
            var generator = SeededGenerator(seed: seed)
            let subject = Recorder()
            var expected: [UInt8] = []
            var places: [Int] = []
            func step(_ me: Recorder) throws {
                for _ in 0..<20 {
                    let size = Int.random(in: 1...(Bool.random(using: &generator) ? 50 : 20_000), using: &generator)
                    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: expected.count), count: size)
                    if Bool.random(using: &generator) {
                        let descriptor = files.open(places.count)
                        try me.transport.sendFileDescriptor(descriptor, with: bytes)
                        close(descriptor)
                        places.append(expected.count)
                    } else {
                        me.transport.write(bytes)
                    }
                    expected += bytes
                }
                if places.count > 250 { return me.transport.loseConnection() }
                me.reactor.callLater(.zero) { try step(me) }
            }
            subject.onMade = { me in try step(me) }
            let received = Lock<(bytes: [UInt8], marks: [(mark: Int?, before: Int)])>(([], []))
            let outcome = try way.run(subject) { peer in
                let all = try peer.receiveToEnd(atMost: 5000) { files.number(of: $0) }
                received.withLock { $0 = all }
            }
            #expect(outcome.peerError == nil)
            let (bytes, marks) = received.withLock { $0 }
            #expect(bytes == expected)
            #expect(marks.map(\.mark) == Array(0..<places.count))
            for (place, mark) in zip(places, marks) { #expect((place + 1...place + 5000).contains(mark.before)) }
            #expect(files.openCount == 0)
        }
    }

    @Test(
        "X2: descriptors that wait are closed when the connection ends, however it ends",
        arguments: Way.all, ["abort", "time-out", "peer", "throw"])
    func pendingAtTheEnd(way: Way, how: String) throws {
        struct Refusal: Error {}
        try NumberedFiles.with { files in
            let subject = Recorder()
            let isPending = Handoff()
            var waiting = 0
            subject.onMade = { me in
                me.transport.write([UInt8](repeating: 0, count: 4 << 20))
                for number in 0..<50 { try Self.send(files, number, "x", by: me.transport) }
                waiting = files.openCount
                isPending.finish(true)
                switch how {
                case "abort": me.transport.abortConnection()
                case "time-out": me.transport.loseConnection(timeout: .milliseconds(5))
                case "throw":
                    me.transport.loseConnection(timeout: .milliseconds(5))
                    throw Refusal()
                default: break
                }
            }
            _ = try way.run(subject) { peer in
                #expect(isPending.wait())
                if how != "peer" { _ = peer.waitUnread() }
            }
            #expect(waiting == 50)
            #expect(files.openCount == 0)
            #expect(subject.losses == 1)
        }
    }

    @Test("X2: waiting for room in the kernel costs no passes", arguments: [true, false])
    func noSpin(directIO: Bool) throws {
        try NumberedFiles.with { files in
            let way = Way(kind: .unix, directIO: directIO)
            let subject = Recorder()
            let mayRead = Handoff()
            var passes = 0
            subject.onMade = { me in
                // More than the kernel holds, one small message each.
                for number in 0..<1000 { try Self.send(files, number, "x", by: me.transport) }
                let before = me.reactor.passes
                me.reactor.callLater(.milliseconds(200)) {
                    passes = me.reactor.passes - before
                    mayRead.finish(true)
                    me.transport.loseConnection()
                }
            }
            let outcome = try way.run(subject) { peer in
                #expect(mayRead.wait())
                let (bytes, marks) = try peer.receiveToEnd { files.number(of: $0) }
                #expect(bytes.count == 1000)
                #expect(marks.map(\.mark) == Array(0..<1000))
            }
            #expect(outcome.peerError == nil)
            #expect((1...5).contains(passes))
            #expect(files.openCount == 0)
        }
    }

    @Test(
        "X2, P2, P3: waiting descriptors pause a producer and are waited for by drained()",
        arguments: Way.all)
    func producers(way: Way) throws {
        try NumberedFiles.with { files in
            let subject = Recorder()
            let producer = CountingProducer(pieces: 0, size: 1)
            let isPaused = Handoff()
            var waiting = 0
            var wasDrained = false
            producer.onPause = {
                waiting = files.openCount
                isPaused.finish(true)
            }
            producer.onResume = { subject.transport.unregisterProducer() }
            subject.onMade = { me in
                me.transport.write([UInt8](repeating: 0, count: 1 << 20))
                me.transport.waterMarks = WaterMarks(low: 16 * 1024, high: 2 << 20)
                try me.transport.registerProducer(producer, streaming: true)
                // Little in bytes, a lot in descriptors.
                var number = 0
                while producer.pauses == 0, number < 2000 {
                    try Self.send(files, number, "x", by: me.transport)
                    number += 1
                }
                me.reactor.spawn {
                    try await me.transport.drained()
                    wasDrained = true
                    #expect(files.openCount <= 16)
                    me.transport.loseConnection()
                }
            }
            let outcome = try way.run(subject) { peer in
                #expect(isPaused.wait())
                _ = try peer.receiveToEnd { files.number(of: $0) }
            }
            #expect(outcome.peerError == nil)
            #expect((500...2000).contains(waiting))
            #expect((producer.pauses, producer.resumes, producer.stops) == (1, 1, 0))
            #expect(wasDrained)
            #expect(files.openCount == 0)
        }
    }

    @Test(
        "X2, W5: a producer that aborts when a descriptor's turn pauses it leaves nothing open",
        arguments: Way.all)
    func abortingProducer(way: Way) throws {
        try NumberedFiles.with { files in
            let subject = Recorder()
            let producer = CountingProducer(pieces: 0, size: 1)
            producer.onPause = { subject.transport.abortConnection() }
            subject.onMade = { me in
                try me.transport.registerProducer(producer, streaming: true)
                for number in 0..<1000 { try Self.send(files, number, "x", by: me.transport) }
            }
            _ = try way.run(subject) { peer in _ = peer.waitUnread() }
            #expect(producer.pauses == 1)
            #expect(subject.reason is ConnectionAborted)
            #expect(files.openCount == 0)
        }
    }

    @Test("X2: what cannot be sent is refused with the reason, and nothing is kept")
    func refusals() throws {
        try NumberedFiles.with { files in
            let descriptor = files.open(0)
            defer { close(descriptor) }
            func cause(_ transport: Transport, _ descriptor: CInt, _ text: String) -> CannotSendDescriptorError.Cause? {
                do { try transport.sendFileDescriptor(descriptor, with: text) } catch {
                    return (error as? CannotSendDescriptorError)?.cause
                }
                return nil
            }
            #expect(cause(Recorder().transport, descriptor, "x") == .notUNIX)
            let tcp = Recorder()
            tcp.onMade = { me in
                #expect(cause(me.transport, descriptor, "x") == .notUNIX)
                me.transport.loseConnection()
            }
            try StreamKind.tcp4.run(tcp) { peer in #expect(peer.waitForEnd() == 0) }
            let unix = Recorder()
            unix.onMade = { me in
                #expect(cause(me.transport, descriptor, "") == .noData)
                #expect(cause(me.transport, -1, "x") == .kernel(errno: EBADF))
                me.transport.loseConnection()
            }
            unix.onLost = { me in #expect(cause(me.transport, descriptor, "x") == nil) }
            try StreamKind.unix.run(unix) { peer in #expect(peer.waitForEnd() == 0) }
            #expect(files.openCount == 1)
            #expect(
                CannotSendDescriptorError(.kernel(errno: EBADF)).description
                    == "cannot send a descriptor: Bad file descriptor")
        }
    }
}
