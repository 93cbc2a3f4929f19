import Glibc

/// Waits, for long if need be, until something holds that threads bring about; says whether it does.
func eventually(_ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(20 * Patience.factor)
    while !condition() {
        if ContinuousClock.now > end { return false }
        usleep(500)
    }
    return true
}
