import Logging
import Spindle

/// What went to the process's own logging system: where a Deferred reports that goes where no reactor runs, and a reactor that
/// was made with ``options``.
///
/// Tests run side by side and share it, so each looks for something that only it logs. To be
/// looked at with `entries(with:)`, which installs it, before anything is logged.
enum ProcessLog {
    struct Entry: Sendable {
        let level: Logger.Level
        let text: String
    }

    private static let all = Lock<[Entry]>([])

    // A process can do this only once.
    private static let installed: Void = LoggingSystem.bootstrap { _ in Handler() }

    /// Begins to capture, unless it has begun already.
    static func install() { installed }

    /// For a reactor that logs here.
    static var options: Reactor.Options {
        install()
        var options = Reactor.Options.forTests
        options.logger = Logger(label: "test")
        return options
    }

    /// What was logged so far with `marker` in its message or metadata.
    static func entries(with marker: String) -> [Entry] {
        install()
        return all.withLock { $0.filter { $0.text.contains(marker) } }
    }

    private struct Handler: LogHandler {
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            var text = event.message.description
            if let error = event.error { text += " \(error)" }
            if let metadata = event.metadata, !metadata.isEmpty { text += " \(metadata)" }
            let entry = Entry(level: event.level, text: text)
            ProcessLog.all.withLock { $0.append(entry) }
        }
    }
}
