internal import CLibEvent

extension EventBase {
    /// Whether a base was made by the copy of libevent that this process calls, or by another one, such as one that is linked
    /// statically into the program: their structures need not have anything in common.
    ///
    /// What a base says of its method is a pointer into the table of whoever made it, and is found in the same place in
    /// every libevent.
    static func isOurs(_ raw: OpaquePointer) -> Bool {
        guard let method = unsafe event_base_get_method(raw) else { return false }
        return methods.contains(UInt(bitPattern: method))
    }

    /// Where the names are of the methods that our libevent has. Asked for once: libevent frees its last answer with each new one.
    private static let methods: Set<UInt> = {
        var methods: Set<UInt> = []
        guard var next = unsafe event_get_supported_methods() else { return methods }
        while let name = unsafe next.pointee {
            methods.insert(UInt(bitPattern: name))
            unsafe next += 1
        }
        return methods
    }()
}
