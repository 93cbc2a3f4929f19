/// Gather buffers that are not in use. One is in use per connection that was written to in the
/// current entry, and one per ``Connection`` with something unread, so in the steady state the same few go round.
final class GatherPool {
    /// The one that serves in the usual case, where each callback writes to one connection.
    private var spare: GatherBuffer?
    private var free: [GatherBuffer] = []

    /// What is kept; a broadcast to thousands of connections needs more for a moment.
    private static let limit = 64

    func take() -> GatherBuffer { spare.take() ?? free.popLast() ?? GatherBuffer() }

    func give(_ buffer: consuming GatherBuffer) {
        guard buffer.capacity <= GatherBuffer.limit else { return }
        buffer.removeAll()
        if spare == nil {
            spare = buffer
        } else if free.count < Self.limit {
            free.append(buffer)
        }
    }
}
