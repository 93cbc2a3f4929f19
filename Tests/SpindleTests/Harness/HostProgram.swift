import CLibEvent
import Glibc
import Spindle

/// A C program with an `event_base` of its own, which it runs itself.
final class HostProgram {
    let base: OpaquePointer
    private var events: [OpaquePointer] = []
    private var callbacks: [Callback] = []

    private final class Callback {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// - Parameters:
    ///   - methods: those that the base is not to use.
    ///   - flags: of `event_base_config_flag`.
    ///   - configure: changes the configuration.
    init(avoiding methods: [String] = [], flags: CInt = 0, _ configure: (OpaquePointer?) -> Void = { _ in }) {
        let config = event_config_new()
        for method in methods { event_config_avoid_method(config, method) }
        event_config_set_flag(config, flags)
        configure(config)
        base = event_base_new_with_config(config)!
        event_config_free(config)
    }

    /// As C programs do at their end.
    func free() {
        for event in events { event_free(event) }
        event_base_free(base)
        // They may hold this.
        (events, callbacks) = ([], [])
    }

    /// Puts a reactor on the base.
    func adopt(_ adjust: (inout Reactor.Options) -> Void = { _ in }) throws -> Reactor {
        var options = Reactor.Options.forTests
        adjust(&options)
        return try Reactor(adopting: base, options: options)
    }

    /// Runs the loop; returns what libevent returns: 1 when nothing was left, 0 when it was told to end.
    @discardableResult
    func dispatch() -> CInt { event_base_dispatch(base) }

    /// Runs the loop once, and waits for nothing.
    func poll() { event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) }

    func exit() { event_base_loopexit(base, nil) }

    /// How much is on the base: events that wait, and callbacks that are about to be called.
    var eventCount: Int {
        Int(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE))
    }

    /// An event of the program's own: after some time, and again and again if `repeats`.
    @discardableResult
    func after(milliseconds: Int, repeats: Bool = false, _ body: @escaping () -> Void) -> OpaquePointer {
        let event = make(-1, repeats ? EV_PERSIST : 0, body)
        var delay = timeval(tv_sec: 0, tv_usec: milliseconds * 1000)
        event_add(event, &delay)
        return event
    }

    /// An event of the program's own, on a descriptor.
    @discardableResult
    func whenReadable(_ descriptor: CInt, priority: CInt? = nil, _ body: @escaping () -> Void) -> OpaquePointer {
        let event = make(descriptor, EV_READ | EV_PERSIST, body)
        if let priority { event_priority_set(event, priority) }
        event_add(event, nil)
        return event
    }

    /// A signal event of libevent's.
    @discardableResult
    func onSignal(_ signal: CInt, _ body: @escaping () -> Void) -> OpaquePointer {
        let event = make(signal, EV_SIGNAL | EV_PERSIST, body)
        event_add(event, nil)
        return event
    }

    /// A callback that libevent makes an event for, and frees it.
    func once(_ body: @escaping () -> Void) {
        let callback = Callback(body)
        callbacks.append(callback)
        event_base_once(
            base, -1, Int16(EV_TIMEOUT),
            { _, _, context in Unmanaged<Callback>.fromOpaque(context!).takeUnretainedValue().body() },
            Unmanaged.passUnretained(callback).toOpaque(), nil)
    }

    private func make(_ descriptor: CInt, _ flags: CInt, _ body: @escaping () -> Void) -> OpaquePointer {
        let callback = Callback(body)
        callbacks.append(callback)
        let event = event_new(
            base, descriptor, Int16(flags),
            { _, _, context in Unmanaged<Callback>.fromOpaque(context!).takeUnretainedValue().body() },
            Unmanaged.passUnretained(callback).toOpaque())!
        events.append(event)
        return event
    }
}

extension Recorder {
    /// Has it serve one end of a socket pair on a reactor; returns the other end.
    func serveOneOfAPair(on reactor: Reactor) throws -> Peer {
        let (ours, peer) = try Peer.pair()
        defer { ours.close() }
        var next: Recorder? = self
        try reactor.adoptStreamConnection(ours.descriptor, Factory { next.take() })
        return peer
    }
}
