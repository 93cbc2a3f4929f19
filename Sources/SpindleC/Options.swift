internal import CSpindle
internal import Logging
internal import Spindle

extension Reactor.Options {
    /// What C asks for; the defaults if that is nothing.
    ///
    /// - Throws: ``Refusal``
    init(_ pointer: UnsafePointer<spindle_options>?) throws {
        self.init()
        logger.logLevel = .warning
        guard let pointer = unsafe pointer else { return }
        let options = unsafe try copySized(pointer, spindle_options(), "options")
        handlesSignals = unsafe options.leaves_signals_alone == 0
        ignoresSIGPIPE = unsafe options.leaves_sigpipe_alone == 0
        keepsLoopAlive = unsafe options.keeps_loop_alive != 0
        if let log = unsafe options.log {
            let handler = unsafe CallbackLogHandler(log, options.log_user)
            logger = Logger(label: "spindle") { _ in handler }
        }
    }
}

/// Hands what is logged on to C.
@safe
private struct CallbackLogHandler: LogHandler, @unchecked Sendable {
    // C is told that it may be called on any thread.
    private let log: @convention(c) (CInt, UnsafePointer<CChar>?, UnsafeMutableRawPointer?) -> Void
    private let user: UnsafeMutableRawPointer?
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(
        _ log: @escaping @convention(c) (CInt, UnsafePointer<CChar>?, UnsafeMutableRawPointer?) -> Void,
        _ user: UnsafeMutableRawPointer?
    ) {
        unsafe self.log = log
        unsafe self.user = user
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let level =
            switch event.level {
            case .critical, .error: SPINDLE_LOG_ERROR
            case .warning: SPINDLE_LOG_WARNING
            case .notice, .info: SPINDLE_LOG_INFO
            case .debug, .trace: SPINDLE_LOG_DEBUG
            }
        unsafe "\(event.message)".withCString { unsafe log(level, $0, user) }
    }
}
