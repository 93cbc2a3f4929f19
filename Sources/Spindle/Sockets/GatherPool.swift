/// Gather buffers that are not in use. One is in use per connection that was written to in the
/// current entry, so in the steady state the same few go round.
final class GatherPool {
    private var free: [GatherBuffer] = []

    /// What is kept; a broadcast to thousands of connections needs more for a moment.
    private static let limit = 64

    func take() -> GatherBuffer { free.popLast() ?? GatherBuffer() }

    func give(_ buffer: GatherBuffer) {
        guard free.count < Self.limit else { return }
        buffer.removeAll()
        free.append(buffer)
    }
}
