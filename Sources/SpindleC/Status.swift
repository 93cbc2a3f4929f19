internal import CSpindle
internal import Spindle

/// What a call of C's is answered with when it cannot be done.
struct Refusal: Error, CustomStringConvertible {
    let status: Status
    let description: String

    init(_ status: Status, _ description: String) {
        self.status = status
        self.description = description
    }
}

/// The codes of spindle.h.
enum Status: CInt, CaseIterable {
    case ok = 0
    case full = 1
    case invalid = -1
    case handle = -2
    case thread = -3
    case state = -4
    case base = -5
    case endpoint = -6
    case listen = -7
    case factory = -8
    case system = -9
    case lost = -10
    case aborted = -11
    case refused = -12
    case unreachable = -13
    case timeout = -14
    case lookUp = -15
    case cancelled = -16
    case other = -17

    /// The code for an error.
    init(_ error: any Error) {
        self =
            switch error {
            case let refusal as Refusal: refusal.status
            case is EndpointStringError: .endpoint
            case let error as CannotAdoptBaseError where error.reason == .null: .invalid
            case is CannotAdoptBaseError: .base
            case let error as CannotAdoptBufferEventError: Status(error.reason)
            case let error as CannotDetachBufferEventError: error.reason == .noMemory ? .system : .state
            case is ReactorInvalidated: .handle
            case is CannotListenError: .listen
            case is SystemError: .system
            case is ReactorAlreadyRunning, is ReactorNotRunning, is ReactorOfAnotherProcess: .state
            case is ConnectionDone: .ok
            case is ConnectionLost: .lost
            case is ConnectionAborted: .aborted
            case is ConnectionRefusedError: .refused
            case is NoRouteError: .unreachable
            case is TCPTimedOutError, is TimeoutError: .timeout
            case is DNSLookupError: .lookUp
            case is ConnectingCancelledError, is CancelledError: .cancelled
            default: .other
            }
    }

    private init(_ reason: CannotAdoptBufferEventError.Reason) {
        self =
            switch reason {
            case .null, .anotherBase: .invalid
            case .wrongThread: .thread
            case .adoptedAlready, .noOtherEnd, .reactorStopped: .state
            }
    }

    /// What it means, in general.
    var text: StaticString {
        switch self {
        case .ok: "success"
        case .full: "more waits to be sent than is good"
        case .invalid: "an argument is NULL or has a value that it cannot have"
        case .handle: "the handle is not valid: what it named is over, or never was"
        case .thread: "called on another thread than the reactor's"
        case .state: "not possible in this state"
        case .base: "the event_base was made by another copy of libevent"
        case .endpoint: "not an endpoint"
        case .listen: "cannot listen"
        case .factory: "no such factory"
        case .system: "the system refuses"
        case .lost: "the connection broke"
        case .aborted: "the connection was aborted"
        case .refused: "connection refused"
        case .unreachable: "no route to the host"
        case .timeout: "no answer in time"
        case .lookUp: "the host's name cannot be looked up"
        case .cancelled: "called off"
        case .other: "another error"
        }
    }
}
