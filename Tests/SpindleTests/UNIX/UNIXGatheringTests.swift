import Glibc
import Testing

@testable import Spindle

/// Rule W2 of the contract on UNIX sockets, where the other side cannot tell one send from two.
///
/// The kernel keeps what was sent and is unread in one block of memory for each send, and tells the sender how much
/// memory that is: for as many bytes in one send it is less than in several.
@Suite(.ownThreads) struct UNIXGatheringTests {
    private static func memory(of descriptor: CInt) -> CInt {
        var count: CInt = 0
        _ = ioctl(descriptor, UInt(TIOCOUTQ), &count)
        return count
    }

    /// What a number of sends of so many bytes take.
    private static func memory(sends: Int, of size: Int) -> CInt {
        var pair: [CInt] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair)
        defer { for descriptor in pair { close(descriptor) } }
        let piece = [UInt8](repeating: 46, count: size)
        for _ in 0..<sends { send(pair[0], piece, size, 0) }
        return memory(of: pair[0])
    }

    @Test("W2: ten writes in one entry leave in one send", arguments: [StreamKind.unix, .unixClient])
    func gathered(kind: StreamKind) throws {
        let expected = Self.memory(sends: 1, of: 1000)
        #expect(Self.memory(sends: 10, of: 100) > expected)
        #expect(Self.memory(sends: 2, of: 500) > expected)
        let subject = Recorder()
        let piece = [UInt8](repeating: 46, count: 100)
        func writeTen() { for _ in 0..<10 { subject.transport.write(piece) } }
        var taken: [CInt] = []
        let isMeasured = Handoff()
        subject.onData = { me, data in
            let socket = try #require((me.transport as? SocketTransport)?.socket)
            switch String(decoding: data) {
            case "callback": writeTen()
            case "timer": me.reactor.callLater(.zero) { writeTen() }
            case "task":
                me.reactor.spawn {
                    try await me.reactor.sleep(.milliseconds(1)).value()
                    writeTen()
                }
            case "thread":
                let bound = me.reactor.bound(me)
                bound.handle.callFromThread { reactor in
                    for _ in 0..<10 { bound.value(on: reactor).transport.write(piece) }
                }
            default:
                taken.append(Self.memory(of: socket.descriptor))
                isMeasured.finish(true)
            }
        }
        let outcome = try kind.run(subject) { peer in
            for way in ["callback", "timer", "task", "thread"] {
                try peer.send(way)
                try peer.peek(1000)
                try peer.send("measure")
                #expect(isMeasured.wait())
                _ = try peer.receive(1000)
            }
        }
        #expect(outcome.peerError == nil)
        #expect(taken == [expected, expected, expected, expected])
    }
}
