import CLinux
import Spindle

/// Echo factories on several reactors, and who serves what.
final class Crowd: Sendable {
    private struct State {
        var open: [Int: Int] = [:]
        var makers: [Int] = []
        var starts = 0
        var stops = 0
        var strays = 0
    }
    private let state = Lock(State())

    /// How many connections each thread serves now, by the thread's number.
    var open: [Int: Int] { state.withLock { $0.open } }
    /// The threads that a factory was made on.
    var makers: [Int] { state.withLock { $0.makers } }
    var starts: Int { state.withLock { $0.starts } }
    var stops: Int { state.withLock { $0.stops } }
    /// Calls that came on another thread than the one that the factory was made on.
    var strays: Int { state.withLock { $0.strays } }

    /// Makes a factory, on the thread that it is for. `greeting` is sent to each who comes.
    func makeFactory(greeting: [UInt8] = []) -> Factory {
        let home = Self.thread
        state.withLock { $0.makers.append(home) }
        return CrowdFactory(self, home, greeting)
    }

    fileprivate static var thread: Int { Int(spindle_thread_id()) }

    fileprivate func note(_ home: Int, connections: Int = 0, starts: Int = 0, stops: Int = 0) {
        state.withLock { state in
            if Self.thread != home { state.strays += 1 }
            state.open[home, default: 0] += connections
            state.starts += starts
            state.stops += stops
        }
    }

    fileprivate final class CrowdFactory: Factory {
        let crowd: Crowd
        let home: Int
        let greeting: [UInt8]

        init(_ crowd: Crowd, _ home: Int, _ greeting: [UInt8]) {
            (self.crowd, self.home, self.greeting) = (crowd, home, greeting)
            super.init()
        }

        override func startFactory() { crowd.note(home, starts: 1) }
        override func stopFactory() { crowd.note(home, stops: 1) }
        override func buildProtocol(_ address: SocketAddress) -> Protocol? { Member(self) }
    }

    private final class Member: Protocol {
        let owner: CrowdFactory
        init(_ owner: CrowdFactory) { self.owner = owner }

        override func connectionMade() {
            owner.crowd.note(owner.home, connections: 1)
            transport.write(owner.greeting)
        }

        override func dataReceived(_ data: RawSpan) {
            if data.elementsEqual("stop") { try? reactor.stop() } else { transport.write(data) }
        }

        override func connectionLost(_ reason: any Error) { owner.crowd.note(owner.home, connections: -1) }
    }
}

/// Connections that one thread makes and uses one after the other.
extension Peer {
    /// Connects, and hears an echo, so that somebody serves the connection for certain.
    static func guest(at address: SocketAddress) throws -> Peer {
        let peer = try connect(to: address)
        try peer.send("x")
        _ = try peer.receive(1)
        return peer
    }
}
