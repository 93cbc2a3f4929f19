/// Carries a value that belongs to a reactor through other threads and back.
///
/// Protocols, transports and everything else on a reactor are not Sendable, and need not be: a
/// worker thread that has to answer on one chosen connection carries it wrapped, and unwraps it
/// with the reactor in hand.
///
/// ```swift
/// let me = reactor.bound(self)
/// pool.submit {
///     let reply = compute()
///     me.handle.callFromThread { reactor in me.value(on: reactor).transport.write(reply) }
/// }
/// ```
///
/// When the last reference is released on another thread, the value travels home first and is
/// released there.
@safe
public final class ReactorBound<Value>: @unchecked Sendable {
    /// The handle of the reactor that the value belongs to.
    public let handle: ReactorHandle

    /// Retained by hand, so that the last release can be sent home: an ordinary reference in this
    /// object would always be released here, on whichever thread that is.
    private let box: Unmanaged<Box>

    private final class Box {
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    init(_ value: Value, _ handle: ReactorHandle) {
        unsafe box = .passRetained(Box(value))
        self.handle = handle
    }

    /// The value.
    ///
    /// - Precondition: `reactor` is the one the value was bound to. A value of one reactor must
    ///   not be used on another's thread; send the call to its own ``handle`` instead.
    public func value(on reactor: Reactor) -> Value {
        precondition(
            reactor.handle === handle,
            "this value belongs to another reactor: use its handle's callFromThread and the reactor given there")
        return unsafe box.takeUnretainedValue().value
    }

    deinit {
        if handle.isCurrent {
            unsafe box.release()
        } else {
            unsafe handle.post(.release(Unmanaged<AnyObject>.fromOpaque(box.toOpaque())))
        }
    }
}

extension Reactor {
    /// Wraps a value of this reactor so that other threads can carry it; see ``ReactorBound``.
    public func bound<Value>(_ value: Value) -> ReactorBound<Value> { ReactorBound(value, handle) }
}
