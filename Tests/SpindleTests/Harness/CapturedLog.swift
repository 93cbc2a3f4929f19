import Logging
import Spindle

/// A logger that keeps what is logged at info or above.
final class CapturedLog: Sendable {
    private let kept = Lock<[String]>([])

    var lines: [String] { kept.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    /// For a reactor that logs here.
    var options: Reactor.Options {
        var options = Reactor.Options.forTests
        options.logger = logger
        return options
    }

    private struct Handler: LogHandler {
        let log: CapturedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.kept.withLock { $0.append("\(event.level): \(event.message)") }
        }
    }
}
