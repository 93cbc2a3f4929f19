import Spindle
import Testing

/// Rule E4: what a ClientService does in each of its states. The clock is held.
@Suite(.ownThreads) struct ClientServiceTests {
    /// A service whose attempts a test decides about; without chance, delays are 1 s, 2 s, 4 s …
    private final class Bench {
        let reactor: Reactor
        let endpoint: ScriptedEndpoint
        let service: ClientService
        let log = CapturedLog()
        private(set) var built: [Recorder] = []
        private final class Book { var build: () -> Protocol? = { nil } }

        init(refuses: Bool = false, prepare: @escaping (Protocol) throws -> Deferred<Void> = { _ in done }) throws {
            reactor = try Reactor(options: log.options)
            reactor.stopClock()
            endpoint = ScriptedEndpoint(reactor)
            let book = Book()
            let policy = BackoffPolicy(initialDelay: .seconds(1), maxDelay: .seconds(8), factor: 2, jitter: 0)
            service = ClientService(
                reactor, endpoint, Factory { book.build() }, retryPolicy: policy, prepareConnection: prepare)
            book.build = { [unowned self] in
                guard !refuses else { return nil }
                built.append(Recorder())
                return built.last
            }
        }

        func advance(_ seconds: Double) { reactor.advance(by: .seconds(seconds)) }
    }

    private static var done: Deferred<Void> { Deferred(.success(())) }

    private func failure<Value>(_ deferred: Deferred<Value>) -> (any Error)? {
        guard case .failure(let error) = deferred.result else { return nil }
        _ = deferred.addBoth { _ in }
        return error
    }

    private func value(_ deferred: Deferred<Protocol>) -> Protocol? { try? deferred.result?.get() }

    // MARK: - Starting

    @Test("E4: starting makes an attempt; a second start makes none, and is warned of")
    func starting() throws {
        let bench = try Bench()
        #expect(!bench.service.isRunning && bench.endpoint.attemptCount == 0)
        bench.service.startService()
        #expect(bench.service.isRunning && bench.endpoint.attemptCount == 1)
        #expect(bench.endpoint.factories[0] === bench.service.factory)
        #expect(bench.log.lines.isEmpty)
        bench.service.startService()
        #expect(bench.endpoint.attemptCount == 1)
        #expect(bench.log.lines.count == 1 && bench.log.lines[0].hasPrefix("warning: startService()"))
        bench.service.stopService()
    }

    @Test("E4: every one who waits for a connection gets it, and later ones get it at once")
    func whenConnected() throws {
        let bench = try Bench()
        let early = bench.service.whenConnected()
        bench.service.startService()
        let waiting = [early, bench.service.whenConnected(), bench.service.whenConnected(failAfterFailures: 1)]
        #expect(waiting.allSatisfy { !$0.hasFired })
        bench.endpoint.succeed()
        for deferred in waiting + [bench.service.whenConnected(failAfterFailures: 1)] {
            #expect(value(deferred) === bench.built[0])
        }
        #expect(bench.reactor.delayedCallCount == 0)
        bench.endpoint.transports[0].end()
        bench.service.stopService()
    }

    @Test("E4: an endpoint that connects at once does")
    func atOnce() throws {
        let bench = try Bench()
        bench.endpoint.connectsAtOnce = true
        bench.service.startService()
        #expect(value(bench.service.whenConnected()) === bench.built[0])
        bench.endpoint.transports[0].end()
        bench.advance(1)
        #expect(value(bench.service.whenConnected()) === bench.built[1])
        let stopped = bench.service.stopService()
        #expect(!stopped.hasFired)
        bench.endpoint.transports[1].end()
        #expect(stopped.hasFired)
    }

    // MARK: - Failing and losing

    @Test("E4: a failed attempt and a lost connection are followed by another attempt")
    func failedAndLost() throws {
        let bench = try Bench()
        bench.service.startService()
        bench.endpoint.fail(Mishap())
        let next = bench.service.whenConnected()
        bench.advance(0.9)
        #expect(bench.endpoint.attemptCount == 1)
        bench.advance(0.1)
        #expect(bench.endpoint.attemptCount == 2 && !next.hasFired)
        bench.endpoint.succeed()
        #expect(value(next) === bench.built[0])
        bench.advance(100)
        bench.endpoint.transports[0].end(Mishap())
        #expect(bench.built[0].losses == 1)
        let third = bench.service.whenConnected()
        #expect(!third.hasFired)
        bench.advance(1)
        #expect(bench.endpoint.attemptCount == 3)
        bench.endpoint.succeed()
        #expect(value(third) === bench.built[1])
        bench.endpoint.transports[1].end()
        bench.service.stopService()
    }

    @Test("E4: a factory that refuses is asked again")
    func refusing() throws {
        let bench = try Bench(refuses: true)
        bench.service.startService()
        let waiting = bench.service.whenConnected()
        let impatient = bench.service.whenConnected(failAfterFailures: 1)
        bench.endpoint.succeed()
        #expect(failure(impatient) is NoProtocol)
        bench.advance(1)
        bench.endpoint.succeed()
        #expect(bench.endpoint.attemptCount == 2 && !waiting.hasFired)
        bench.service.stopService()
        #expect(failure(waiting) is CancelledError)
    }

    @Test("E4: failAfterFailures counts attempts from the call on, and gives the last error")
    func patience() throws {
        let bench = try Bench()
        bench.service.startService()
        bench.endpoint.fail(Mishap(number: 0))
        let waiting = [nil, 0, 1, 2, 3].map { bench.service.whenConnected(failAfterFailures: $0) }
        bench.advance(1)
        #expect(waiting.allSatisfy { !$0.hasFired })
        bench.endpoint.fail(Mishap(number: 1))
        #expect(failure(waiting[1]) as? Mishap == Mishap(number: 1))
        #expect(failure(waiting[2]) as? Mishap == Mishap(number: 1))
        #expect(!waiting[3].hasFired)
        bench.advance(2)
        bench.endpoint.fail(Mishap(number: 2))
        #expect(failure(waiting[3]) as? Mishap == Mishap(number: 2))
        #expect(!waiting[0].hasFired && !waiting[4].hasFired)
        bench.advance(4)
        bench.endpoint.succeed()
        #expect(value(waiting[0]) === bench.built[0] && value(waiting[4]) === bench.built[0])
        bench.endpoint.transports[0].end()
        bench.service.stopService()
    }

    @Test("E4: who gives up waiting is forgotten, and stops nothing")
    func cancelledWaiter() throws {
        let bench = try Bench()
        bench.service.startService()
        let (one, other) = (bench.service.whenConnected(), bench.service.whenConnected())
        one.cancel()
        #expect(failure(one) is CancelledError && bench.endpoint.cancellations == 0)
        bench.endpoint.succeed()
        #expect(value(other) === bench.built[0])
        bench.endpoint.transports[0].end()
        bench.service.stopService()
    }

    // MARK: - Stopping, in each state

    @Test("E4: stopping before the start, and once more after a stop, is done at once; a start makes a stopped one run")
    func stoppingWhatDoesNotRun() throws {
        let bench = try Bench()
        let waiting = bench.service.whenConnected()
        for _ in 0..<2 { #expect(bench.service.stopService().hasFired) }
        #expect(failure(waiting) is CancelledError)
        #expect(failure(bench.service.whenConnected()) is CancelledError)
        bench.service.startService()
        let next = bench.service.whenConnected()
        bench.endpoint.succeed()
        #expect(value(next) === bench.built[0])
        bench.endpoint.transports[0].end()
        bench.service.stopService()
    }

    @Test("E4: stopping while connecting calls the attempt off; what waits is cancelled", arguments: [false, true])
    func stoppingWhileConnecting(afterFailure: Bool) throws {
        let bench = try Bench()
        bench.service.startService()
        if afterFailure {
            bench.endpoint.fail(Mishap())
            bench.advance(1)
        }
        let waiting = [nil, 1].map { bench.service.whenConnected(failAfterFailures: $0) }
        let stopped = bench.service.stopService()
        #expect(stopped.hasFired && bench.endpoint.cancellations == 1 && !bench.service.isRunning)
        for deferred in waiting { #expect(failure(deferred) is CancelledError) }
        bench.advance(100)
        #expect(bench.endpoint.attemptCount == (afterFailure ? 2 : 1))
    }

    @Test("E4: stopping between two attempts leaves no timer")
    func stoppingWhileWaiting() throws {
        let bench = try Bench()
        bench.service.startService()
        let waiting = bench.service.whenConnected()
        bench.endpoint.fail(Mishap())
        #expect(bench.reactor.delayedCallCount == 1)
        #expect(bench.service.stopService().hasFired)
        #expect(bench.reactor.delayedCallCount == 0)
        #expect(failure(waiting) is CancelledError)
        #expect(failure(bench.service.whenConnected()) is CancelledError)
    }

    @Test("E4: stopping while connected closes, and is done when the connection is gone, for all who asked")
    func stoppingWhileConnected() throws {
        let bench = try Bench()
        bench.service.startService()
        bench.endpoint.succeed()
        let first = bench.service.stopService()
        #expect(bench.endpoint.transports[0].losing == 1)
        let second = bench.service.stopService()
        let waiting = bench.service.whenConnected()
        #expect(bench.endpoint.transports[0].losing == 1)
        #expect(!first.hasFired && !second.hasFired && !waiting.hasFired)
        bench.endpoint.transports[0].end()
        #expect(first.hasFired && second.hasFired && failure(waiting) is CancelledError)
        bench.advance(100)
        #expect(bench.endpoint.attemptCount == 1)
    }

    @Test(
        "E4: a start while the old connection closes waits for that, and a stop takes it back",
        arguments: [false, true])
    func restarting(stopsAgain: Bool) throws {
        let bench = try Bench()
        bench.service.startService()
        bench.endpoint.succeed()
        let stopped = bench.service.stopService()
        let next = bench.service.whenConnected()
        bench.service.startService()
        #expect(bench.service.isRunning && !stopped.hasFired && bench.endpoint.attemptCount == 1)
        let again = stopsAgain ? bench.service.stopService() : nil
        bench.endpoint.transports[0].end()
        #expect(stopped.hasFired)
        if let again {
            #expect(again.hasFired && failure(next) is CancelledError && bench.endpoint.attemptCount == 1)
        } else {
            #expect(!next.hasFired && bench.endpoint.attemptCount == 2)
            bench.endpoint.succeed()
            #expect(value(next) === bench.built[1])
            let last = bench.service.stopService()
            #expect(!last.hasFired)
            bench.endpoint.transports[1].end()
            #expect(last.hasFired)
        }
    }

    @Test("E4: those who are told may start and stop the service from there")
    func reentrancy() throws {
        let bench = try Bench()
        var stopped: Deferred<Void>?
        bench.service.whenConnected().addCallback { _ in stopped = bench.service.stopService() }
        bench.service.startService()
        bench.endpoint.succeed()
        #expect(bench.endpoint.transports[0].losing == 1)
        stopped?.addCallback { bench.service.startService() }
        bench.endpoint.transports[0].end()
        #expect(bench.endpoint.attemptCount == 2)
        let impatient = bench.service.whenConnected(failAfterFailures: 1)
        impatient.addErrback { _ in bench.service.stopService() }
        bench.endpoint.fail(Mishap())
        #expect(!bench.service.isRunning && bench.reactor.delayedCallCount == 0)
    }

    // MARK: - Preparing

    @Test("E4: a connection is handed out when it is prepared, each anew")
    func preparing() throws {
        var prepared: [Protocol] = []
        var answers: [Deferred<Void>] = []
        let bench = try Bench(prepare: { made in
            prepared.append(made)
            answers.append(Deferred())
            return answers[answers.count - 1]
        })
        bench.service.startService()
        bench.endpoint.fail(Mishap())
        #expect(prepared.isEmpty)
        bench.advance(1)
        let waiting = bench.service.whenConnected()
        bench.endpoint.succeed()
        #expect(bench.built[0].events == [.made])
        #expect(prepared.count == 1 && prepared[0] === bench.built[0] && !waiting.hasFired)
        try answers[0].callback(())
        #expect(value(waiting) === bench.built[0])
        bench.endpoint.transports[0].end()
        bench.advance(2)
        bench.endpoint.succeed()
        #expect(prepared.count == 2)
        try answers[1].callback(())
        #expect(value(bench.service.whenConnected()) === bench.built[1])
        bench.endpoint.transports[1].end()
        bench.service.stopService()
    }

    @Test("E4: what fails its preparation is closed and counts as a failed attempt", arguments: [false, true])
    func preparationFails(throwing: Bool) throws {
        let bench = try Bench(prepare: { _ in
            if throwing { throw Mishap(number: 7) }
            return Deferred(.failure(Mishap(number: 7)))
        })
        bench.service.startService()
        let waiting = bench.service.whenConnected(failAfterFailures: 2)
        bench.endpoint.succeed()
        #expect(bench.endpoint.transports[0].losing == 1)
        bench.advance(100)
        #expect(bench.endpoint.attemptCount == 1)  // one connection at a time
        bench.endpoint.transports[0].end()
        #expect(!waiting.hasFired)
        bench.advance(1)
        bench.endpoint.succeed()
        bench.endpoint.transports[1].end()
        #expect(failure(waiting) as? Mishap == Mishap(number: 7))
        bench.service.stopService()
    }

    @Test("E4: a connection lost, or a service stopped, in mid-preparation cancels that", arguments: [false, true])
    func preparationInterrupted(stops: Bool) throws {
        var cancellations = 0
        let bench = try Bench(prepare: { _ in Deferred { _ in cancellations += 1 } })
        bench.service.startService()
        let waiting = bench.service.whenConnected(failAfterFailures: 1)
        bench.endpoint.succeed()
        let stopped = stops ? bench.service.stopService() : nil
        #expect(bench.endpoint.transports[0].losing == (stops ? 2 : 0))
        bench.endpoint.transports[0].end(Mishap(number: 3))
        #expect(cancellations == 1)
        if let stopped {
            #expect(stopped.hasFired && failure(waiting) is CancelledError)
        } else {
            #expect(failure(waiting) as? Mishap == Mishap(number: 3))
            #expect(bench.reactor.delayedCallCount == 1)
            bench.service.stopService()
        }
    }

    // MARK: - Noticing

    @Test("E4: a connection that is gone before anybody could watch it is noticed")
    func goneAtOnce() throws {
        let bench = try Bench()
        bench.endpoint.onConnection = { $0.end() }
        bench.service.startService()
        bench.endpoint.succeed()
        bench.advance(0)
        #expect(bench.reactor.delayedCallCount == 1)
        bench.advance(1)
        #expect(bench.endpoint.attemptCount == 2)
        bench.service.stopService()
    }

    @Test("E4: whoever watched the connection's end before still does")
    func chained() throws {
        final class Watcher: ConnectionObserver {
            var ends = 0
            func connectionEnded(_ reason: any Error, wasStarted: Bool) { ends += 1 }
        }
        let bench = try Bench()
        let watcher = Watcher()
        bench.endpoint.onConnection = { $0.observer = watcher }
        bench.service.startService()
        bench.endpoint.succeed()
        bench.endpoint.transports[0].end()
        #expect(watcher.ends == 1 && bench.reactor.delayedCallCount == 1)
        bench.service.stopService()
    }

    @Test("E4: nothing is kept after a stop, and while running the reactor's references are enough")
    func lifetime() throws {
        weak var service: ClientService?
        weak var first: Recorder?
        try {
            let bench = try Bench()
            service = bench.service
            bench.service.startService()
            bench.endpoint.succeed()
            first = bench.built[0]
            bench.endpoint.transports[0].end()
            bench.service.stopService()
        }()
        #expect(service == nil && first == nil)
    }
}
