/// An object whose pointer C holds as a callback context.
///
/// The pointer is unretained: the object frees its C counterpart in `deinit`, and with it
/// the pointer. What may happen is that a callback drops the last reference to the object
/// it came through, so such objects are let go with `EventBase.bury` only.
protocol EntrySource: AnyObject {
    var base: EventBase { get }
    /// What C calls it for, in words.
    var occasion: String { get }
}

extension EntrySource {
    /// The way in for every C thunk: finds the object behind `context` and runs `body` on it, as one entry.
    ///
    /// The object is referenced inside the entry only, without retaining it; when the entry
    /// ends it may be freed, so afterwards only the base is touched. That one is held by whoever
    /// runs the loop; where C code does, here, since a callback may take the reactor off the base and let go of it.
    @inline(__always)
    static func enter(_ context: UnsafeMutableRawPointer?, _ body: @escaping (Self) -> Void) {
        let source = unsafe Unmanaged<Self>.fromOpaque(context.unsafelyUnwrapped)
        let base = unsafe source._withUnsafeGuaranteedRef { unsafe Unmanaged.passUnretained($0.base) }
        unsafe base._withUnsafeGuaranteedRef { base in
            let kept = base.isOwned ? nil : base
            defer { withExtendedLifetime(kept) {} }
            if base.isInside {
                let source = unsafe source.takeUnretainedValue()
                base.postpone { body(source) }
            } else {
                base.entry(unsafe source._withUnsafeGuaranteedRef { $0.occasion }) {
                    unsafe source._withUnsafeGuaranteedRef { body($0) }
                }
            }
        }
    }
}
