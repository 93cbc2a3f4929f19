/// Hears of a connection's stages before its protocol does, and of its end after it: the port or connector that the
/// connection came from.
package protocol ConnectionObserver: AnyObject {
    /// The connection is there, and may still have to wait for its protocol.
    func connectionOpened(_ transport: Transport)
    /// Its protocol was built, and is told next.
    func connectionStarted(_ transport: Transport)
    /// - Parameter wasStarted: false of a connection that never got a protocol.
    func connectionEnded(_ reason: any Error, wasStarted: Bool)
    /// There will be no connection, for want of memory.
    func connectionFailed()
}

extension ConnectionObserver {
    package func connectionOpened(_ transport: Transport) {}
    package func connectionStarted(_ transport: Transport) {}
    package func connectionFailed() {}
}
