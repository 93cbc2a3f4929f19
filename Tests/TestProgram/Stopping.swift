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

    /// What a shell's `<&- >&-` does, and then a reactor with a connection by standard input and output.
    static func withoutStandardIO() throws {
        close(STDIN_FILENO)
        close(STDOUT_FILENO)
        let reactor = try Reactor()
        StandardIOEndpoint(reactor).connect(Factory { Protocol() })
        reactor.callLater(.milliseconds(1)) { try reactor.stop() }
        try reactor.run()
        for number in 0...2 as ClosedRange<CInt> where fcntl(number, F_GETFD) < 0 { fatalError("\(number) is closed") }
    }
}
