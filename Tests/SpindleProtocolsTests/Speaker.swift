import Spindle

/// Sends its first piece when connected, and the others and the end when it is told to.
final class Speaker: Protocol, HalfCloseProtocol {
    private var pieces: [String]
    private var hasFinished = false
    var whenFinished: () -> Void = {}

    init(_ pieces: [String]) { self.pieces = pieces }

    override func connectionMade() {
        transport.write(pieces.removeFirst())
        if pieces.isEmpty { transport.loseWriteConnection() }
    }

    /// Sends the rest and the end, and calls back when the kernel has it; at once if that is done.
    func finish(_ then: @escaping () -> Void) {
        if hasFinished { return then() }
        whenFinished = then
        transport.writeSequence(pieces.map { Array($0.utf8) })
        pieces = []
        transport.loseWriteConnection()
    }

    func writeConnectionLost() {
        hasFinished = true
        whenFinished()
    }

    func readConnectionLost() { transport.loseConnection() }
}
