/// A ``LoopingCall`` was asked for something that it cannot do now.
public enum LoopingCallError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It was started while it was running.
    case alreadyRunning
    /// It was stopped or reset while it was not running.
    case notRunning
    /// It was started with an interval below zero.
    case negativeInterval(Duration)

    public var description: String {
        switch self {
        case .alreadyRunning: "the looping call is running already"
        case .notRunning: "the looping call is not running"
        case .negativeInterval(let interval): "a looping call cannot have an interval of \(interval)"
        }
    }
}
