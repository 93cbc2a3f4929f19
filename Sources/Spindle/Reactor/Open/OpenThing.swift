/// Something that is open on a reactor, which keeps it: a port, a connection, an attempt to make one, a task, a watch.
///
/// Stopping, ``Reactor/describe()`` and adopted bases know what is open by this alone.
protocol OpenThing: AnyObject {
    /// What one is called in `Reactor.describe()`, such as "port".
    static var noun: String { get }

    /// Whether a reactor that stops waits for those of this kind.
    static func isAwaited(isOutOfTime: Bool) -> Bool

    /// The reactor ends, and this with it, in its own way.
    func reactorEnds(_ stage: ReactorEnding)

    /// What it is, for `Reactor.describe()`.
    var line: String { get }
}

/// How a reactor's end has come about, or how far it has got.
enum ReactorEnding {
    /// It was told to stop: all that is open has time to end in good order.
    case closing
    /// That time is over.
    case outOfTime
    /// C code takes its base away.
    case invalidated
    /// `run()` is about to return: nothing is called any more.
    case over

    /// What those are told who are still to be told of something.
    var error: any Error {
        switch self {
        case .invalidated: ReactorInvalidated()
        case .closing, .outOfTime, .over: ReactorNotRunning()
        }
    }
}

/// All of a kind that are open on a reactor.
protocol OpenList {
    var noun: String { get }
    var count: Int { get }
    var lines: [String] { get }
    func isAwaited(isOutOfTime: Bool) -> Bool
    func end(_ stage: ReactorEnding)
}

extension SlotMap: OpenList where Element: OpenThing {
    var noun: String { Element.noun }
    var lines: [String] { all.map(\.line) }
    func isAwaited(isOutOfTime: Bool) -> Bool { !isEmpty && Element.isAwaited(isOutOfTime: isOutOfTime) }
    func end(_ stage: ReactorEnding) { for thing in all { thing.reactorEnds(stage) } }
}
