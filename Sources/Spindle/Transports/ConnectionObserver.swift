/// Hears of a connection's beginning before its protocol does, and of its end after it: the port or
/// connector that the connection came from.
package protocol ConnectionObserver: AnyObject {
    func connectionBegan(_ transport: Transport)
    func connectionEnded(_ reason: any Error)
}
