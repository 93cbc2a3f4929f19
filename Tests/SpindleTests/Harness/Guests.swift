import Spindle

/// Builds a ``Recorder`` for each connection, and keeps them all until told to let go.
final class Guests: Factory {
    private(set) var all: [Recorder] = []
    private(set) var starts = 0
    private(set) var stops = 0
    /// Told of each one before it is connected.
    var onBuild: (Recorder) -> Void = { _ in }

    override init() { super.init() }

    override func startFactory() { starts += 1 }
    override func stopFactory() { stops += 1 }

    override func buildProtocol(_ address: SocketAddress) -> Protocol? {
        let guest = Recorder.echo()
        all.append(guest)
        onBuild(guest)
        return guest
    }

    /// How many are connected now.
    var present: Int { all.count { $0.losses == 0 } }

    /// They hold their factory.
    func letGo() {
        all = []
        onBuild = { _ in }
    }
}
