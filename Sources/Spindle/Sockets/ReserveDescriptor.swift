import Glibc

/// A descriptor kept for the day when there are no more: with the number that giving it up sets
/// free, those who wait at a port can at least be turned away.
final class ReserveDescriptor {
    private var descriptor: CInt = -1

    init() { acquire() }

    deinit { release() }

    /// Runs `body` with one descriptor more to be had, or returns nil if there is none in reserve.
    func lend<Result>(_ body: () -> Result) -> Result? {
        acquire()
        guard descriptor >= 0 else { return nil }
        release()
        defer { acquire() }
        return body()
    }

    private func acquire() {
        if descriptor < 0 { descriptor = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC) }
    }

    private func release() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}
