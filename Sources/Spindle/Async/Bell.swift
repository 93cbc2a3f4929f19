/// Where one task at a time waits until it is called.
///
/// It arms the bell, looks whether there is anything to do, and waits if not. A ring between the looking and the waiting
/// is not lost: Swift may have the task give way there, to arrive on its executor.
final class Bell: Suspending {
    private var suspension: Suspension?
    private var hasRung = false
    /// How many have waited here so far: a late word of a cancellation is for one of them only.
    private var turn = 0

    /// What has rung until now is forgotten.
    func arm() { hasRung = false }

    /// Waits until somebody has rung, or the task is cancelled. Both may have other causes: look around, and wait again.
    func wait(home: ReactorHandle, isolation: isolated (any Actor)?) async {
        turn += 1
        await suspend(turn, home: home, isolation: isolation)
    }

    /// Wakes who waits.
    func ring() { if let suspension = suspension.take() { suspension.resume() } else { hasRung = true } }

    func suspended(_ suspension: Suspension) {
        if hasRung { suspension.resume() } else { self.suspension = suspension }
    }

    func cancelled(_ turn: Int) { if turn == self.turn { ring() } }
}
