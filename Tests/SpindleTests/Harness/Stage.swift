import Spindle

/// What a connection under test is made with.
final class Stage {
    let reactor: Reactor
    /// The peer's SO_RCVBUF, unless it is the kernel's choice.
    let receiveBuffer: CInt?
    /// For sockets that have names.
    let directory: TemporaryDirectory
    private var cleanUps: [() -> Void] = []

    init(_ reactor: Reactor, receiveBuffer: CInt?) throws {
        self.reactor = reactor
        self.receiveBuffer = receiveBuffer
        let directory = try TemporaryDirectory()
        self.directory = directory
        atEnd { directory.remove() }
    }

    /// Has something done when the connection is over and the reactor has stopped, before what was asked for earlier.
    func atEnd(_ body: @escaping () -> Void) { cleanUps.append(body) }

    func clear() { while let cleanUp = cleanUps.popLast() { cleanUp() } }
}
