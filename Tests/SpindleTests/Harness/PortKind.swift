import Glibc
import Spindle
import Testing

/// The kinds of listening port there are. A rule about ports is tested once, on each of them.
enum PortKind: String, CaseIterable, CustomTestStringConvertible {
    case tcp4, tcp6, unix
    /// A listening descriptor that was handed over: of each family.
    case adopted4, adopted6, adoptedUNIX
    /// A C program's evconnlistener.
    case listener4, listenerUNIX

    var testDescription: String { rawValue }

    var isAdopted: Bool { ![.tcp4, .tcp6, .unix].contains(self) }

    private var isListener: Bool { [.listener4, .listenerUNIX].contains(self) }

    /// Runs `body` with a port of this kind. What an adopted one was made of is closed by then.
    func with(
        _ reactor: Reactor, _ factory: Factory, backlog: Int = 512, _ body: (ListeningPort) throws -> Void
    ) throws {
        try TemporaryDirectory.with { directory in
            guard isAdopted else {
                let port = try open(on: reactor, factory, backlog, directory)
                // A reactor that never runs would keep it.
                defer { port.stopListening() }
                return try body(port)
            }
            let original = try open(on: Reactor(options: .forTests), Factory(), backlog, directory)
            let descriptor = try #require(original.fileDescriptor)
            let port =
                try isListener
                ? reactor.adopt(listener: CListener(reactor.eventBase, descriptor).raw, factory: factory)
                : reactor.adoptStreamPort(descriptor, factory)
            #expect(port.address == original.address)
            original.stopListening()
            defer { port.stopListening() }
            try body(port)
        }
    }

    private func open(
        on reactor: Reactor, _ factory: Factory, _ backlog: Int, _ directory: TemporaryDirectory
    ) throws -> ListeningPort {
        switch self {
        case .tcp4, .adopted4, .listener4:
            try reactor.listenTCP(0, factory, backlog: backlog, interface: Loopback.own())
        case .tcp6, .adopted6: try reactor.listenTCP(0, factory, backlog: backlog, interface: "::1")
        case .unix: try reactor.listenUNIX(directory.file("socket"), factory, backlog: backlog)
        case .adoptedUNIX, .listenerUNIX:
            // A file would be gone with the port that made it. Such names are the whole machine's.
            try reactor.listenUNIX(
                "\0spindle-test-\(getpid())-\(UInt64.random(in: 0 ... .max))", factory, backlog: backlog)
        }
    }
}
