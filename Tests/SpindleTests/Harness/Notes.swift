import Spindle

/// What threads note, in the order they do.
final class Notes<Note: Sendable>: Sendable {
    private let notes = Lock<[Note]>([])

    var all: [Note] { notes.withLock { $0 } }

    func add(_ note: Note) { notes.withLock { $0.append(note) } }
}
