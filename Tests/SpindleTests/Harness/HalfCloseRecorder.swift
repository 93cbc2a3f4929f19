import Spindle

/// A ``Recorder`` that is told of each direction's end.
final class HalfCloseRecorder: Recorder, HalfCloseProtocol {
    /// What it heard, in order: "read", "write" and "lost".
    private(set) var ends: [String] = []
    var onReadLost: (HalfCloseRecorder) throws -> Void = { _ in }
    var onWriteLost: (HalfCloseRecorder) throws -> Void = { _ in }

    func readConnectionLost() throws {
        ends.append("read")
        try onReadLost(self)
    }

    func writeConnectionLost() throws {
        ends.append("write")
        try onWriteLost(self)
    }

    override func connectionLost(_ reason: any Error) {
        ends.append("lost")
        (onReadLost, onWriteLost) = ({ _ in }, { _ in })
        super.connectionLost(reason)
    }
}
