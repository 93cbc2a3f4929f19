public import CSpindle
internal import Spindle

@c @implementation
public func spindle_new(
    _ options: UnsafePointer<spindle_options>!, _ reactor: UnsafeMutablePointer<OpaquePointer?>!
) -> CInt {
    answering {
        guard let reactor = unsafe reactor else { throw Refusal(.invalid, "reactor is NULL") }
        unsafe reactor.pointee = try NamedReactor(Reactor(options: Reactor.Options(options))).handle?.pointer
    }
}

@c @implementation
public func spindle_run(_ reactor: OpaquePointer!) -> CInt {
    answering {
        // Only here: a reactor goes over to the thread that runs it.
        let named = try unsafe NamedReactor.find(reactor) { $0 }
        if named.reactor.isHosted {
            throw Refusal(.state, "the reactor is attached to an event_base, whose loop C runs")
        }
        try named.reactor.run()
    }
}

@c @implementation
public func spindle_stop(_ reactor: OpaquePointer!) -> CInt {
    answering {
        try unsafe NamedReactor.findOwner(reactor).stop()
    }
}

@c @implementation
public func spindle_free(_ reactor: OpaquePointer!) -> CInt {
    answering {
        let reactor = try unsafe NamedReactor.find(reactor).reactor
        if reactor.isHosted {
            throw Refusal(.state, "the reactor is attached to an event_base: that is what to detach")
        }
        if reactor.isRunning { throw ReactorAlreadyRunning() }
        NamedReactor.retireAll(of: reactor.handle)
    }
}

@c @implementation
public func spindle_attach(
    _ base: OpaquePointer!, _ options: UnsafePointer<spindle_options>!, _ reactor: UnsafeMutablePointer<OpaquePointer?>!
) -> CInt {
    answering {
        let attached = try unsafe NamedReactor.attached(to: base, Reactor.Options(options))
        unsafe reactor?.pointee = attached.handle?.pointer
    }
}

@c @implementation
public func spindle_detach(_ base: OpaquePointer!) -> CInt {
    answering {
        if unsafe base == nil { throw Refusal(.invalid, "base is NULL") }
        guard let reactor = try unsafe NamedReactor.reactor(on: base) else {
            throw Refusal(.handle, "nothing is attached to the event_base")
        }
        // Done when it ends, which is later if this is a callback of its own.
        reactor.inNextPass { [handle = reactor.handle] in NamedReactor.retireAll(of: handle) }
        reactor.invalidate()
    }
}

@c @implementation
public func spindle_event_base(_ reactor: OpaquePointer!) -> OpaquePointer! {
    unsafe try? NamedReactor.reactor(reactor).eventBase
}

@c @implementation
public func spindle_call_from_thread(
    _ reactor: OpaquePointer!, _ call: (@convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Void)!,
    _ user: UnsafeMutableRawPointer!
) -> CInt {
    answering {
        let owner = try unsafe NamedReactor.findOwner(reactor)
        guard let call = unsafe call else { throw Refusal(.invalid, "call is NULL") }
        // C answers for what it hands over to another thread.
        nonisolated(unsafe) let work = { unsafe call(reactor, user) }
        // Forgotten by one that is being detached.
        owner.callFromThread { reactor in if !reactor.wasInvalidated { unsafe work() } }
    }
}
