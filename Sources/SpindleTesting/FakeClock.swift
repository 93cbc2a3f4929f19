public import Spindle

/// A clock that stands still until a test moves it.
///
/// ```swift
/// let clock = FakeClock()
/// let session = Session(clock.reactor)        // calls callLater(.seconds(60)) { … }
/// clock.advance(by: .seconds(59))
/// #expect(session.isActive)
/// clock.advance(by: .seconds(1))
/// #expect(!session.isActive)
/// ```
///
/// It holds the time of a reactor, so that everything that takes a ``/Spindle/Reactor`` can be tested with it:
/// delayed calls, `LoopingCall`, `Cooperator`, time limits, `reactor.sleep` in spawned tasks. Calls are
/// made by the reactor's own code, in its order (T1, T3).
///
/// A test that awaits between its uses of the clock may find itself on another thread, which stops
/// the program: write it as a synchronous function, and what has to be asynchronous inside
/// `clock.reactor.spawn { … }`.
public final class FakeClock {
    /// The reactor whose time this is.
    public let reactor: Reactor
    private let isOwner: Bool

    /// A clock that begins at zero, of a reactor without a loop: it has timers, queued calls and
    /// tasks, but neither descriptors nor I/O, and does not run. Listening on it is an error (`EBADF`). What comes back from other
    /// threads, as with `deferToThread`, comes whenever those are done, at the next ``advance(by:)``.
    ///
    /// What still waits when the clock goes is cancelled; so let closures hold the reactor, not the clock.
    public init(options: Reactor.Options = Reactor.Options()) {
        reactor = .withHeldClock(options)
        isOwner = true
    }

    /// Takes hold of the time of a reactor, for good. It begins at the present.
    ///
    /// If that reactor runs, connections work as ever while the time stands still. Moving it on inside one of the
    /// reactor's callbacks makes the calls that are due in the next pass.
    public init(_ reactor: Reactor) {
        self.reactor = reactor
        isOwner = false
        reactor.stopClock()
    }

    deinit { if isOwner { reactor.abandon() } }

    /// Lets time pass, and makes on the way every call that falls due.
    ///
    /// The time stops at each deadline: a call sees the time that it was due at, and one that it
    /// makes for half a second later is made half a second later. Queued calls and tasks run in
    /// between. Zero does what there is to do now.
    ///
    /// Inside a callback it is that callback which takes so long: the time moves at once, and what
    /// falls due meanwhile is made, late, when the callback has returned.
    ///
    /// Work that never lets time pass, such as a call that again and again makes another without
    /// delay, is given a thousand passes at each deadline, so that the time passes all the same.
    public func advance(by interval: Duration) { reactor.advance(by: interval) }
}
