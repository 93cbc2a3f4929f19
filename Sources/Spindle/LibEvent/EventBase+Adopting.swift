internal import CLibEvent

extension EventBase {
    /// Whether a base was made by the copy of libevent that this process calls, or by another one, such as one that is linked
    /// statically into the program: their structures need not have anything in common.
    ///
    /// What a base says of its method is a pointer into the table of whoever made it, and is found in the same place in
    /// every libevent.
    static func isOurs(_ raw: OpaquePointer) -> Bool {
        guard let method = unsafe event_base_get_method(raw) else { return false }
        return methods.contains(UInt(bitPattern: method)) || UInt(bitPattern: method) == changelistMethod
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

    /// The name of the one method that libevent does not count among those: epoll that gathers its changes. 0 if there is
    /// none to be had.
    private static let changelistMethod: UInt = {
        guard let config = unsafe event_config_new() else { return 0 }
        defer { unsafe event_config_free(config) }
        unsafe event_config_set_flag(config, Int32(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST.rawValue))
        guard let base = unsafe event_base_new_with_config(config) else { return 0 }
        defer { unsafe event_base_free(base) }
        return UInt(bitPattern: unsafe event_base_get_method(base))
    }()
}
