/// Something that happens to a reactor as a whole; see ``Reactor/addSystemEventTrigger(_:_:_:)-(_,_,()->Void)``.
public enum SystemEvent: Sendable {
    /// `run()` was called.
    case startup
    /// The reactor was told to stop.
    case shutdown
}

/// Where in a ``SystemEvent`` something is done.
public enum SystemEventPhase: Sendable {
    /// As the first thing. The event goes on when every Deferred returned here has fired.
    case before
    /// In its course. At shutdown: when ports are closed and connections were told to close.
    case during
    /// As the last thing. At shutdown: when no connection and no task is left.
    case after
}
