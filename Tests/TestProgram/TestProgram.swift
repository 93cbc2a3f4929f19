import Glibc
import Spindle

/// A program whose end is seen from outside, for what a test cannot let happen to its own process.
///
/// Its argument says what it does. It prints "ready" when it is time to send it a signal.
@main struct TestProgram {
    struct Mishap: Error, CustomStringConvertible { let description = "the disk is full" }

    static func main() throws {
        switch CommandLine.arguments.dropFirst().first {
        case "returns": Reactor.react { reactor in try await reactor.sleep(.milliseconds(1)).value() }
        case "throws": Reactor.react { _ in throw Mishap() }
        case "exits": Reactor.react { _ in throw SystemExit(42) }
        case "stops": Reactor.react(stops)
        case "waits": Reactor.react(waits)
        case "gets stuck": Reactor.react(getsStuck)
        case "handles SIGTERM": Reactor.react(handlesSIGTERM)
        case "uses MainActor": Reactor.react(usesMainActor)
        case "has pending output": try Stopping.serve(isStuck: false)
        case "has pending output and a stuck job": try Stopping.serve(isStuck: true)
        case "forks": try Forking.serve()
        case "forks with a paused connection": Forking.pause()
        case "forks and is signalled": try Forking.signal()
        case "forks with a UNIX socket": try Forking.shareUNIXSocket(CommandLine.arguments[2])
        case "closes standard input and output": try Stopping.withoutStandardIO()
        case "forks while running": try Forking.refuse { _ in }
        default: fatalError("usage: TestProgram WHAT")
        }
    }

    /// At once, where print() waits until there is more.
    static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    static func onThread(_ body: @escaping @Sendable () -> Void) {
        final class Box: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Box(body)).toOpaque()
        let result = pthread_create(
            &thread, nil,
            { context in
                Unmanaged<Box>.fromOpaque(context!).takeRetainedValue().body()
                return nil
            }, context)
        precondition(result == 0, "pthread_create: \(result)")
        pthread_detach(thread)
    }

    nonisolated(nonsending) private static func stops(_ reactor: Reactor) async throws {
        try reactor.stop()
        try await reactor.sleep(.seconds(60)).value()
    }

    nonisolated(nonsending) private static func waits(_ reactor: Reactor) async throws {
        reactor.addSystemEventTrigger(.after, .shutdown) { print("closed") }
        say("ready")
        try await reactor.sleep(.seconds(60)).value()
    }

    nonisolated(nonsending) private static func getsStuck(_ reactor: Reactor) async throws {
        say("ready")
        while true { sleep(60) }
    }

    nonisolated(nonsending) private static func handlesSIGTERM(_ reactor: Reactor) async throws {
        let signals = try reactor.signals(SIGTERM)
        say("ready")
        var count = 0
        for await _ in signals {
            say("got it")
            count += 1
            if count == 3 { throw SystemExit(7) }
        }
    }

    nonisolated(nonsending) private static func usesMainActor(_ reactor: Reactor) async throws {
        var isDone = false
        let done = reactor.bound { isDone = true }
        Task { @MainActor in done.handle.callFromThread { done.value(on: $0)() } }
        while !isDone { try await reactor.sleep(.milliseconds(1)).value() }
    }
}
