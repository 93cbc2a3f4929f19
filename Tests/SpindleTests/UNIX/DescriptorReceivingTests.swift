import Glibc
import Spindle
import Testing

/// Rule X2 of the contract: receiving descriptors.
@Suite(.ownThreads) struct DescriptorReceivingTests {
    /// Either side of a UNIX socket, with direct I/O and without.
    struct Way: CustomTestStringConvertible {
        let kind: StreamKind
        let directIO: Bool
        var testDescription: String { "\(kind.rawValue), direct I/O \(directIO ? "on" : "off")" }

        static let all = [StreamKind.unix, .unixClient].flatMap { kind in
            [true, false].map { Way(kind: kind, directIO: $0) }
        }

        func run(
            _ subject: Recorder, receiveBufferSize: Int? = nil, peer: @escaping @Sendable (Peer) throws -> Void
        ) throws -> StreamKind.Outcome {
            try kind.run(
                subject,
                adjust: {
                    $0.directIO = directIO
                    if let receiveBufferSize { $0.receiveBufferSize = receiveBufferSize }
                }, peer: peer)
        }
    }

    private typealias Arrival = DescriptorRecorder.Arrival

    @Test(
        "X2: a descriptor comes before the bytes it was sent with, close-on-exec, and is the receiver's",
        arguments: Way.all)
    func one(way: Way) throws {
        try NumberedFiles.with { files in
            let subject = DescriptorRecorder(files)
            subject.onData = { me, data in me.transport.write(data) }
            let outcome = try way.run(subject) { peer in
                try peer.send("before")
                _ = try peer.receive(6)
                let descriptor = files.open(7)
                try peer.send("with", with: [descriptor])
                close(descriptor)
                _ = try peer.receive(4)
            }
            #expect(outcome.peerError == nil)
            #expect(subject.arrivals == [Arrival(number: 7, bytesBefore: 6)])
            #expect(subject.areCloseOnExec)
            #expect(subject.receivedText == "beforewith")
            #expect(files.openCount == 0)
        }
    }

    @Test("X2: many come in order, none later than its bytes, however they are split", arguments: Way.all)
    func many(way: Way) throws {
        try NumberedFiles.with { files in
            let subject = DescriptorRecorder(files)
            let outcome = try way.run(subject, receiveBufferSize: 7) { peer in
                for number in 0..<300 {
                    let descriptor = files.open(number)
                    try peer.send("#" + String(repeating: "-", count: number % 20), with: [descriptor])
                    close(descriptor)
                    if number % 3 == 0 { try peer.send(String(repeating: "+", count: number % 11 + 1)) }
                }
            }
            #expect(outcome.peerError == nil)
            #expect(subject.numbers == Array(0..<300))
            let marks = subject.received.indices.filter { subject.received[$0] == UInt8(ascii: "#") }
            #expect(marks.count == 300)
            for (mark, arrival) in zip(marks, subject.arrivals) { #expect(arrival.bytesBefore <= mark) }
            #expect(files.openCount == 0)
        }
    }

    @Test("X2: as many descriptors in one message as the kernel carries come in order", arguments: Way.all)
    func inOneMessage(way: Way) throws {
        try NumberedFiles.with { files in
            let subject = DescriptorRecorder(files)
            let outcome = try way.run(subject) { peer in
                try peer.send("x", withFirst: 253, of: files)
            }
            #expect(outcome.peerError == nil)
            #expect(subject.numbers == Array(0..<253))
            #expect(subject.receivedText == "x")
            #expect(files.openCount == 0)
        }
    }

    @Test(
        "X2: a receiver that does not expect descriptors gets the bytes, and the kernel closes them",
        arguments: Way.all)
    func unexpected(way: Way) throws {
        try NumberedFiles.with { files in
            let subject = Recorder()
            let seen = Lock<Int?>(nil)
            subject.onData = { me, data in me.transport.write(data) }
            let outcome = try way.run(subject) { peer in
                for number in 0..<20 {
                    let descriptor = files.open(number)
                    try peer.send("x", with: [descriptor])
                    close(descriptor)
                }
                _ = try peer.receive(20)
                // While the connection is open still.
                seen.withLock { $0 = files.openCount }
            }
            #expect(outcome.peerError == nil)
            #expect(seen.withLock { $0 } == 0)
            #expect(subject.received.count == 20)
        }
    }

    @Test("X2: after switchProtocol it is the new protocol's wish that counts", arguments: Way.all)
    func switching(way: Way) throws {
        try NumberedFiles.with { files in
            let (first, third) = (Recorder(), Recorder())
            let second = DescriptorRecorder(files)
            func pass(_ me: Recorder, to next: Recorder) {
                next.whenLost = me.whenLost
                me.transport.write("next")
                me.transport.switchProtocol(to: next)
            }
            first.onData = { me, _ in pass(me, to: second) }
            second.onData = { me, data in if String(decoding: data) == "go" { pass(me, to: third) } }
            third.onData = { me, _ in me.transport.write("last") }
            let outcome = try way.run(first) { peer in
                for number in 0..<3 {
                    let descriptor = files.open(number)
                    try peer.send("go", with: [descriptor])
                    close(descriptor)
                    _ = try peer.receive(4)
                }
            }
            #expect(outcome.peerError == nil)
            #expect(second.numbers == [1])
            #expect(second.receivedText == "go")
            #expect(third.receivedText == "go")
            #expect(files.openCount == 0)
        }
    }

    @Test(
        "X2: a switch among the descriptors of one message hands the rest and the bytes to the new protocol",
        arguments: Way.all, [true, false])
    func switchingInBetween(way: Way, takesThem: Bool) throws {
        try NumberedFiles.with { files in
            let first = DescriptorRecorder(files)
            let second = takesThem ? DescriptorRecorder(files) : Recorder()
            first.onDescriptor = { me in
                second.whenLost = me.whenLost
                me.transport.switchProtocol(to: second)
            }
            second.onData = { me, data in me.transport.write(data) }
            let outcome = try way.run(first) { peer in
                try peer.send("bytes", withFirst: 3, of: files)
                _ = try peer.receive(5)
                #expect(files.openCount == 0)
            }
            #expect(outcome.peerError == nil)
            #expect(first.arrivals == [Arrival(number: 0, bytesBefore: 0)])
            if takesThem { #expect((second as? DescriptorRecorder)?.numbers == [1, 2]) }
            #expect(first.received.isEmpty)
            #expect(second.receivedText == "bytes")
        }
    }

    @Test("X2, P4: pausing when a descriptor comes holds the next ones and the bytes back", arguments: Way.all)
    func pausing(way: Way) throws {
        try NumberedFiles.with { files in
            let subject = DescriptorRecorder(files)
            var isPaused = false
            subject.onDescriptor = { me in
                #expect(!isPaused)
                isPaused = true
                me.transport.pauseProducing()
                me.reactor.callLater(.milliseconds(1)) {
                    isPaused = false
                    me.transport.resumeProducing()
                }
            }
            subject.onData = { me, data in
                #expect(!isPaused)
                me.transport.write(data)
            }
            let outcome = try way.run(subject) { peer in
                let descriptors = (0..<5).map { files.open($0) }
                try peer.send("first", with: descriptors)
                try peer.send("second", with: [descriptors[0]])
                for descriptor in descriptors { close(descriptor) }
                _ = try peer.receive(11)
            }
            #expect(outcome.peerError == nil)
            #expect(subject.numbers == [0, 1, 2, 3, 4, 0])
            #expect(subject.receivedText == "firstsecond")
            #expect(files.openCount == 0)
        }
    }

    private static let closings: [(String, @Sendable (Transport) throws -> Void)] = [
        ("lose", { $0.loseConnection() }), ("abort", { $0.abortConnection() }), ("throw", { _ in throw Refusal() }),
    ]
    private struct Refusal: Error {}

    @Test(
        "X2, S5: closing when a descriptor comes closes the rest, and no bytes are delivered",
        arguments: Way.all, ["lose", "abort", "throw"])
    func closing(way: Way, how: String) throws {
        try NumberedFiles.with { files in
            let subject = DescriptorRecorder(files)
            let close = try #require(Self.closings.first { $0.0 == how }?.1)
            subject.onDescriptor = { me in try close(me.transport) }
            let outcome = try way.run(subject) { peer in
                try peer.send("bytes", withFirst: 3, of: files)
                _ = peer.waitForEnd()
            }
            #expect(outcome.peerError == nil)
            #expect(subject.numbers == [0])
            #expect(subject.received.isEmpty)
            #expect(files.openCount == 0)
            switch how {
            case "lose": #expect(subject.reason is ConnectionDone)
            case "abort": #expect(subject.reason is ConnectionAborted)
            default: #expect(subject.reason is Refusal)
            }
        }
    }

    @Test("X2: descriptors that are held back when the connection ends are closed", arguments: Way.all)
    func heldBackAtTheEnd(way: Way) throws {
        try NumberedFiles.with { files in
            let subject = DescriptorRecorder(files)
            subject.onDescriptor = { me in
                me.transport.pauseProducing()
                me.reactor.callLater(.milliseconds(5)) { me.transport.abortConnection() }
            }
            let outcome = try way.run(subject) { peer in
                try peer.send("bytes", withFirst: 3, of: files)
                _ = peer.waitForEnd()
            }
            #expect(outcome.peerError == nil)
            #expect(subject.numbers == [0])
            #expect(files.openCount == 0)
        }
    }

    @Test("X2: a received descriptor that nobody released is closed; one that was released is not")
    func ownership() throws {
        try NumberedFiles.with { files in
            let descriptor = files.open(0)
            #expect(ReceivedDescriptor(owning: descriptor).release() == descriptor)
            #expect(files.openCount == 1)
            _ = ReceivedDescriptor(owning: descriptor).rawValue
            #expect(files.openCount == 0)
        }
    }
}

extension Peer {
    /// Sends this many files in one message, and keeps none of them.
    fileprivate func send(_ text: String, withFirst count: Int, of files: NumberedFiles) throws {
        let descriptors = (0..<count).map { files.open($0) }
        try send(text, with: descriptors)
        for descriptor in descriptors { Glibc.close(descriptor) }
    }
}
