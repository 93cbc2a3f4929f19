/// A task that was spawned on a reactor and is not over.
final class SpawnedTask {
    private var task: Task<Void, Never>?
    private var isCancelled = false
    var slot = 0
    /// Where it was spawned.
    let origin: Origin

    init(_ origin: Origin) { self.origin = origin }

    func started(_ task: Task<Void, Never>) {
        self.task = task
        // It may have been called off by what ran up to its first suspension.
        if isCancelled { task.cancel() }
    }

    func cancel() {
        isCancelled = true
        task?.cancel()
    }
}
