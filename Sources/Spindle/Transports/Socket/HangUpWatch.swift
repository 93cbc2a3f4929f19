internal import CLinux
import Glibc

/// Watches connections that are not being read for their peers' leaving, by one epoll descriptor of its own.
///
/// libevent would report bytes that nobody wants, over and over, or, asked for EV_CLOSED alone,
/// spin without a callback once a connection is reset (2.1.12). So these connections leave the base, and
/// the base watches this one descriptor for them all. It reports each change once (edge-triggered), and
/// the arrival of bytes not at all.
@safe
final class HangUpWatch: EventHandler {
    let descriptor: CInt
    private var watched = SlotMap<(descriptor: CInt, handler: any HangUpHandler)>()

    /// Reports looked at in one go. If there are more the base comes back.
    private static let batch = 64

    init() throws(SystemError) {
        descriptor = try Self.open()
    }

    deinit { close(descriptor) }

    var description: String { "connections that nobody reads" }

    private static func open() throws(SystemError) -> CInt {
        let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError(errno, "epoll_create1") }
        return descriptor
    }

    /// In a child process: watches the same by a descriptor that is not the parent's as well.
    func renew() throws(SystemError) {
        try Descriptor.replace(descriptor, by: try Self.open())
        for slot in watched.taken { try watch(slot) }
    }

    /// Begins to watch. What has happened already is reported as well, in one of the next passes.
    ///
    /// - Returns: what to remove it by.
    func add(_ descriptor: CInt, _ handler: any HangUpHandler) throws(SystemError) -> Int {
        let slot = watched.insert((descriptor, handler))
        do {
            try watch(slot)
        } catch {
            watched.remove(slot)
            throw error
        }
        return slot
    }

    private func watch(_ slot: Int) throws(SystemError) {
        guard let target = watched[slot]?.descriptor else { return }
        var interest = unsafe epoll_event()
        unsafe interest.events = EPOLLRDHUP.rawValue | EPOLLET.rawValue
        unsafe interest.data.u64 = UInt64(slot)
        guard unsafe epoll_ctl(descriptor, EPOLL_CTL_ADD, target, &interest) == 0 else {
            throw SystemError(errno, "epoll_ctl")
        }
    }

    func remove(_ descriptor: CInt, _ slot: Int) {
        _ = epoll_ctl(self.descriptor, EPOLL_CTL_DEL, descriptor, nil)
        watched.remove(slot)
    }

    func eventFired() {
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.batch) { reports in
            let count = unsafe epoll_wait(descriptor, reports.baseAddress, Int32(Self.batch), 0)
            for index in 0..<max(0, Int(count)) {
                // May have been removed by a report before it, and its slot be another's. That does no
                // harm: a report is an occasion to look, and no more.
                unsafe watched[Int(reports[index].data.u64)]?.handler.mayHaveHungUp()
            }
        }
    }
}

/// What a `HangUpWatch` calls, on the reactor's thread, inside an entry.
protocol HangUpHandler: AnyObject {
    /// The peer may have finished sending or reset the connection: time to look.
    func mayHaveHungUp()
}
