import Spindle

/// Produces a number of pieces, as a push producer when `produce` is called or as a pull producer
/// when resumed, and counts what it is told.
final class CountingProducer: Producer {
    weak var transport: Transport?
    private var left: Int
    private let piece: [UInt8]
    private var isPaused = false
    private var isPushing = false
    /// Bytes written so far.
    private(set) var written = 0
    private(set) var pauses = 0
    private(set) var resumes = 0
    private(set) var stops = 0
    /// Whether its last piece was one that it was paused by.
    private(set) var endedPaused = false

    init(pieces: Int, size: Int) {
        left = pieces
        piece = [UInt8](repeating: 33, count: size)
    }

    /// Pushes until paused or done: a loop that only ends because pausing takes effect inside `write`.
    func produce() {
        isPushing = true
        while !isPaused, left > 0 { writePiece() }
    }

    var onPause: () -> Void = {}
    var onResume: () -> Void = {}

    func pauseProducing() {
        onPause()
        pauses += 1
        isPaused = true
    }

    func resumeProducing() {
        onResume()
        resumes += 1
        isPaused = false
        isPushing ? produce() : writePiece()
    }

    func stopProducing() { stops += 1 }

    private func writePiece() {
        guard left > 0 else { return }
        left -= 1
        written += piece.count
        transport?.write(piece)
        guard left == 0 else { return }
        endedPaused = isPaused
        transport?.unregisterProducer()
    }
}
