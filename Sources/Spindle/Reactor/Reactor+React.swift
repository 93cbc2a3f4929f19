import Glibc

extension Reactor {
    /// Runs a command-line program, from its beginning to the end of the process.
    ///
    /// ```swift
    /// @main struct Fetch {
    ///     static func main() {
    ///         Reactor.react { reactor in
    ///             let page = try await HostnameEndpoint(reactor, "example.com", 80).connectProtocol(Page()).value()
    ///             print(try await page.text.value())
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// Makes a reactor, runs it, and spawns `main` on it. When `main` is over the reactor is stopped, with all that
    /// belongs to it (R4), and the process exits:
    ///
    /// - with status 0 if `main` returned, or was cancelled because something else had stopped the reactor;
    /// - with the status it chose if it threw a ``SystemExit``;
    /// - with status 1 if it threw anything else, after one line on standard error that says what;
    /// - by the signal, if SIGINT or SIGTERM stopped the reactor, so that a shell knows.
    ///
    /// What `main` has spawned and not waited for is cancelled when `main` is over. What it prints into a pipe that nobody
    /// reads any more is lost without a sign, since SIGPIPE is ignored (S9).
    ///
    /// Call it on the main thread: only there signals stop a reactor.
    @available(*, noasync, message: "react() blocks its thread: call it from `static func main()`")
    public static func react(
        options: Options = Options(), _ main: nonisolated(nonsending) @escaping (Reactor) async throws -> Void
    ) -> Never {
        do {
            let reactor = try Reactor(options: options)
            let outcome = try reactor.run(main)
            if let signal = reactor.stopSignal { SignalTrap.endProcess(by: signal) }
            try outcome?.get()
        } catch let error as SystemExit {
            exit(error.status)
        } catch {
            StandardError.print("Error: \(error)")
            exit(1)
        }
        exit(0)
    }

    /// Runs the loop until `main`, running on it, is over. Nil if it was not over when the loop had to end.
    private func run(
        _ main: nonisolated(nonsending) @escaping (Reactor) async throws -> Void
    ) throws -> Result<Void, any Error>? {
        var outcome: Result<Void, any Error>?
        callWhenRunning { [self] in
            spawn { try await main(self) }.addBoth { [self] result -> Void in
                let wasStopped = isStopping
                if !wasStopped { try stop() }
                if case .failure(let error) = result, wasStopped, error is CancelledError || error is CancellationError
                {
                    return
                }
                outcome = result
            }
        }
        try run()
        return outcome
    }
}
