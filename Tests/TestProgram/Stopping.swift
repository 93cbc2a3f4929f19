import Glibc
import Spindle

/// A server that is told to stop while it has much to do; scripts/check-scale tells it.
enum Stopping {
    /// Sends more than the kernel has room for, to a peer that does not read.
    final class Sender: Protocol {
        override func connectionMade() { transport.write((0..<128 * 1024).map { UInt8(truncatingIfNeeded: $0 / 251) }) }
    }

    static func serve(isStuck: Bool) throws {
        var options = ListenOptions()
        options.connections = [.sendBufferSize(16 * 1024)]
        let reactor = try Reactor()
        let port = try reactor.listenTCP(
            0, Factory { Sender() }, backlog: 1024, interface: "127.0.0.1", options: options)
        if isStuck { reactor.callInThread { while true { sleep(60) } } }
        TestProgram.say("\(port.address.port ?? 0)")
        try reactor.run()
    }
}
