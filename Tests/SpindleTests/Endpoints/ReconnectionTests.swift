import Glibc
import Spindle
import Testing

/// Rules E4 and F5 in the long run: a server restarts again and again, and of its clients nothing is left behind.
@Suite(.ownThreads) struct ReconnectionTests {
    @Test("E4: a ClientService through 400 restarts of its server: no descriptor, timer or memory stays behind")
    func service() async {
        // In a process of its own, where nobody else opens descriptors or takes memory.
        await #expect(processExitsWith: .success) {
            try Restarts.check { reactor, factory, port in
                let policy = BackoffPolicy(initialDelay: .milliseconds(1), maxDelay: .milliseconds(4))
                let endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
                let service = ClientService(reactor, endpoint, factory, retryPolicy: policy)
                service.startService()
                return { service.stopService() }
            }
        }
    }

    @Test("F5: a ReconnectingClientFactory through 400 restarts: no descriptor, timer or memory stays behind")
    func factory() async {
        await #expect(processExitsWith: .success) {
            try Restarts.check { reactor, factory, port in
                let reconnecting = Reconnecting(factory)
                reactor.connectTCP("127.0.0.1", port, reconnecting)
                return { reconnecting.stopTrying() }
            }
        }
    }

    private final class Reconnecting: ReconnectingClientFactory {
        private let inner: Factory
        init(_ inner: Factory) {
            self.inner = inner
            super.init()
            (initialDelay, maxDelay) = (.milliseconds(1), .milliseconds(4))
        }
        override func buildProtocol(_ address: SocketAddress) -> Protocol? {
            resetDelay()
            return inner.buildProtocol(address)
        }
    }
}

/// A server that restarts as soon as it hears of a client, and books of what there is at each time.
private final class Restarts {
    private static let count = 400
    /// What comes to stay, such as caches and pools, has come by then.
    private static let warmUp = 50

    /// What there is, just before the server comes back.
    private struct Inventory {
        let descriptors: Int
        let timers: Int
        let memory: Int
        let protocols: Int
    }

    private let reactor: Reactor
    private var port: ListeningPort?
    /// Room for all from the start: these must not count as growth.
    private var books: [Inventory] = {
        var books: [Inventory] = []
        books.reserveCapacity(Restarts.count)
        return books
    }()
    private var protocols = 0
    private var made = 0
    private var stopClient: () -> Void = {}

    private init() throws { reactor = try Reactor(options: .forTests) }

    /// - Parameter startClient: begins to connect to a port and returns how to end that.
    static func check(_ startClient: (Reactor, Factory, Int) -> () -> Void) throws {
        let restarts = try Restarts()
        let server = Factory { [unowned restarts] in
            let session = Recorder()
            session.onData = { [unowned restarts] me, _ in restarts.restart(me.transport) }
            return session
        }
        restarts.port = try restarts.reactor.listenTCP(0, server, interface: "127.0.0.1")
        let client = Factory { [unowned restarts] in Client(restarts) }
        restarts.stopClient = startClient(restarts.reactor, client, restarts.port?.address.port ?? 0)
        try restarts.reactor.runWatched(.seconds(60))
        restarts.stopClient = {}
        restarts.examine()
    }

    private final class Client: Protocol {
        private unowned let restarts: Restarts
        init(_ restarts: Restarts) {
            self.restarts = restarts
            restarts.protocols += 1
            restarts.made += 1
            super.init()
        }
        deinit { restarts.protocols -= 1 }
        override func connectionMade() { transport.write("hello") }
    }

    private func restart(_ session: Transport) {
        // Every third time without a word: the client gets a reset.
        books.count.isMultiple(of: 3) ? session.abortConnection() : session.loseConnection()
        port?.stopListening()
        // Sometimes back before the client tries again, sometimes after it has been refused a few times.
        reactor.callLater(books.count.isMultiple(of: 2) ? .milliseconds(1) : .milliseconds(5)) { [unowned self] in
            books.append(takeInventory())
            if books.count < Self.count { return try port?.startListening() ?? () }
            stopClient()
            try reactor.stop()
        }
    }

    private func takeInventory() -> Inventory {
        var descriptors = 0
        if let directory = opendir("/proc/self/fd") {
            while readdir(directory) != nil { descriptors += 1 }
            closedir(directory)
        }
        return Inventory(
            descriptors: descriptors, timers: reactor.delayedCallCount, memory: Self.residentMemory,
            protocols: protocols)
    }

    // What is thrown on the way takes some: Swift Testing keeps a record of each error.
    /// The memory that the process has written to, in KiB.
    private static var residentMemory: Int {
        guard let status = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(status) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, 256, status) != nil {
            let words = String(decoding: line.prefix { $0 > 0 }.map(UInt8.init), as: UTF8.self).split(separator: "\t")
            if words.first == "RssAnon:" { return words[1].split(separator: " ").first.flatMap { Int($0) } ?? 0 }
        }
        return 0
    }

    /// A sanitizer keeps freed memory back; it finds leaks by itself.
    private static var isSanitized: Bool { dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil }

    private func examine() {
        #expect(books.count == Self.count && made >= Self.count)
        #expect(protocols == 0 && reactor.delayedCallCount == 0)
        let late = books.dropFirst(Self.warmUp)
        // The watchdog's, and that of the retry or of the attempt.
        #expect(late.allSatisfy { (1...3).contains($0.timers) }, "\(late.map(\.timers))")
        #expect(late.allSatisfy { $0.protocols <= 1 })
        // A connection may be dying away, or being tried.
        let descriptors = late.map(\.descriptors)
        #expect((descriptors.max() ?? 0) - (descriptors.min() ?? 0) <= 2, "\(descriptors)")
        // The middle of the first half beside the middle of the second.
        let half = late.count / 2
        let growth = Self.median(late.suffix(half).map(\.memory)) - Self.median(late.prefix(half).map(\.memory))
        #expect(growth < 48 || Self.isSanitized, "\(growth) KiB more after \(half) restarts: \(late.map(\.memory))")
        #expect(late.allSatisfy { $0.memory > 0 })
    }

    private static func median(_ numbers: [Int]) -> Int { numbers.sorted()[numbers.count / 2] }
}
