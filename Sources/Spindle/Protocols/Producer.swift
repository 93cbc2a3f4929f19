/// Something that writes to a transport for a long time and must not do so faster than the peer reads.
///
/// Register it with ``Transport/registerProducer(_:streaming:)``. A *streaming* (push) producer writes
/// on its own account until it is paused. One that is not streaming (a pull producer) writes a piece
/// each time it is resumed, and is never paused.
public protocol Producer: AnyObject {
    /// Write no more until resumed. May be called from inside the producer's own `write`.
    func pauseProducing()
    /// Write again; for a pull producer, write the next piece.
    func resumeProducing()
    /// Write never again: the connection is lost.
    func stopProducing()
}
