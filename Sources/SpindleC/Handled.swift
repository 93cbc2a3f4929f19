internal import Spindle

/// Something of a reactor that C has a handle of.
protocol Handled: AnyObject {
    /// What kind of thing it is, for messages.
    static var kind: String { get }
    /// The reactor that it lives on.
    var owner: ReactorHandle { get }
    /// Nil until it is ``issue()``d.
    var handle: Handle? { get set }
}

private let table = Lock(HandleTable())

extension Handled {
    /// Gives it a handle, which keeps it until ``retire()``.
    func issue() {
        nonisolated(unsafe) let object = self  // The table shows it to its own thread only.
        handle = table.withLock { unsafe $0.insert(object) }
    }

    /// Ends its handle. Does nothing if that was done.
    func retire() {
        guard let handle else { return }
        // Let go of when the lock is free: its end may retire others.
        _ = table.withLock { $0.remove(handle) }
    }

    /// What a handle names.
    ///
    /// - Throws: ``Refusal`` if it names nothing of this kind any more, or something of another thread's.
    static func find(_ pointer: OpaquePointer?) throws -> Self {
        try unsafe find(pointer) { object in
            guard object.owner.claim() else { throw Refusal(.thread, "called on another thread than the \(kind)'s") }
            return object
        }
    }

    /// The reactor of what a handle names, on any thread.
    static func findOwner(_ pointer: OpaquePointer?) throws -> ReactorHandle { try unsafe find(pointer) { $0.owner } }

    /// Has `look` look at what a handle names. On a thread that is not the object's no reference to it may get out: the
    /// last one to go would end it there.
    static func find<Outcome>(_ pointer: OpaquePointer?, _ look: (Self) throws -> Outcome) throws -> Outcome {
        let handle = unsafe Handle(pointer)
        if handle.isNull { throw Refusal(.handle, "the \(kind) is NULL") }
        return try table.withLock {
            guard let object = $0[handle] as? Self else { throw Refusal(.handle, "the \(kind) is over, or never was") }
            return try look(object)
        }
    }

    /// All of this kind on a reactor, whose thread this is.
    static func all(of owner: ReactorHandle) -> [Self] {
        table.withLock { $0.all(of: owner).compactMap { $0 as? Self } }
    }
}
