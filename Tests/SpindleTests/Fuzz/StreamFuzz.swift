import Glibc
import TestSupport

@testable import Spindle

/// One connection, and a random sequence of what both ends do with it.
///
/// Everything that happens is held against a model of what the contract allows: which callbacks may come when, and
/// which bytes in which order.
final class StreamFuzz {
    let kind: StreamKind
    let log: FuzzLog
    var random: SeededGenerator

    // MARK: What the model knows

    /// The protocol that is to hear what comes next; others have been switched away from.
    var current: Recorder
    var retired: [Recorder] = []
    /// A callback that no other may come into is under way.
    var isInCallback = false
    /// That callback may throw.
    var mayThrow = false
    var isMade = false
    var losses = 0
    /// No more data may come.
    var isClosing = false
    /// Whether that was so when the connection was lost.
    var wasClosing = false
    /// Something was done that may end in an abort.
    var mayAbort = false
    /// Bytes that were accepted for sending, and bytes that came.
    var written = 0
    var received = 0
    /// How much was written is not known any more: a file was cut short, or its transfer called off.
    var isUncertain = false
    var hasFinishedWriting = false

    var producer: FuzzProducer?
    var producers: [FuzzProducer] = []
    var transfer: Deferred<Int>?
    var files = 0
    /// Those who wait for `drained()`, and those of them who have heard.
    var waiters = 0
    var answers = 0
    var descriptorsReceived = 0

    let directory: TemporaryDirectory
    /// What descriptors are sent of, and what learns of it when the last of them is closed.
    let descriptor: CInt
    private let witness: CInt
    let peer: StreamFuzzPeer
    private var ticks = 0

    struct Thrown: Error {}

    init(_ kind: StreamKind, _ seed: Int) throws {
        self.kind = kind
        log = FuzzLog(kind.rawValue, seed: seed)
        var generator = SeededGenerator(seed: seed)
        var ends: [CInt] = [-1, -1]
        // Close-on-exec from the start, or a program that another test starts would keep it open.
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw Peer.Failure(call: "socketpair", errno: errno) }
        (witness, descriptor) = (ends[0], ends[1])
        peer = StreamFuzzPeer(&generator, sendsDescriptors: kind.isUNIX ? ends[1] : nil)
        random = generator
        directory = try TemporaryDirectory()
        current = Recorder()
        current = makeProtocol()
    }

    var isOver: Bool { losses > 0 }

    /// Runs it to its end, and checks what has come of it.
    func run() throws -> FuzzLog {
        let first = current
        let receiveBuffer: CInt? = random.oneIn(2) ? 4096 : nil
        let peer = peer
        try kind.run(
            first,
            adjust: { options in
                if random.oneIn(3) { options.receiveBufferSize = 1 + random.below(5000) }
                options.closeLimit = .seconds(3)
                options.lingerLimit = .milliseconds(300)
            }, receiveBuffer: receiveBuffer, setUp: tick
        ) { try peer.run($0) }
        checkOutcome(current.reason ?? first.reason)
        (producers, retired) = ([], [])
        current = Recorder()
        return log
    }

    private func checkOutcome(_ reason: (any Error)?) {
        log.note("end")
        let outcome = peer.outcome
        if let mistake = outcome.mistake { log.check(false, mistake) }
        log.check(losses == 1, "\(losses) calls of connectionLost")
        log.check(received <= outcome.sent, "\(received) bytes came of \(outcome.sent)")
        if outcome.wasResetBehindAll, StreamKind.withPeerSocket.contains(kind), !wasClosing {
            log.check(received == outcome.sent, "only \(received) bytes came of \(outcome.sent) before a reset")
        }
        log.check(outcome.received <= written, "\(outcome.received) bytes were sent of \(written)")
        if reason is ConnectionDone, outcome.sawEnd, !isUncertain {
            log.check(outcome.received == written, "only \(outcome.received) bytes were sent of \(written)")
        }
        log.check(descriptorsReceived <= outcome.descriptorsSent, "more descriptors came than were sent")
        log.check(transfer == nil, "the transfer of a file has not ended")
        log.check(answers == waiters, "\(answers) of \(waiters) who waited for drained() were told")
        close(descriptor)
        var watched = pollfd(fd: witness, events: 0, revents: 0)
        // Waits: a program that is being started at this moment has a copy until it runs.
        log.check(poll(&watched, 1, 10_000) == 1, "a descriptor that was sent or received was not closed")
        close(witness)
        directory.remove()
    }

    /// Does something now and then that is not in a callback of the connection, and ends it some time.
    private func tick(_ reactor: Reactor) {
        let delay = random.oneIn(4) ? random.below(3000) : 0
        reactor.callLater(.microseconds(delay)) { [self] in
            guard !isOver else { return }
            if isMade {
                ticks += 1
                guard ticks < 60 else { return finish(reactor) }
                quietCallback("tick")
            }
            tick(reactor)
        }
    }

    private func finish(_ reactor: Reactor) {
        log.note("finish")
        transfer?.cancel()
        unregister()
        current.transport.resumeProducing()
        isClosing = true
        current.transport.loseConnection()
        expectEnd(reactor, after: peer.outcome.received)
    }

    /// A peer with a small receive buffer may take long; but it does not stand still.
    private func expectEnd(_ reactor: Reactor, after before: Int) {
        reactor.callLater(.seconds(8)) { [self] in
            guard !isOver else { return }
            let received = peer.outcome.received
            guard received == before else { return expectEnd(reactor, after: received) }
            log.check(false, "the connection is still open long after loseConnection")
            mayAbort = true
            current.transport.abortConnection()
        }
    }

    // MARK: - Callbacks

    /// A callback of the protocol: it comes inside no other, does something at random, and may throw.
    func callback(_ name: String, _ body: () -> Void = {}) throws {
        log.note("<\(name)>")
        log.check(!isInCallback, "\(name) came inside another callback")
        (isInCallback, mayThrow) = (true, true)
        defer { (isInCallback, mayThrow) = (false, false) }
        do {
            body()
            for _ in 0..<random.below(3) { try act() }
        } catch {
            (isClosing, mayAbort) = (true, true)
            throw error
        }
    }

    /// One that comes inside no other, and cannot throw: of a timer or a Deferred.
    func quietCallback(_ name: String) {
        log.note("<\(name)>")
        log.check(!isInCallback, "\(name) came inside another callback")
        isInCallback = true
        defer { isInCallback = false }
        for _ in 0..<random.below(3) { try? act() }
    }

    /// One that may come inside a call of ours, and cannot throw: of a producer.
    func nestedCallback(_ name: String) {
        log.note("<\(name)>")
        let could = mayThrow
        mayThrow = false
        defer { mayThrow = could }
        for _ in 0..<random.below(3) { try? act() }
    }
}
