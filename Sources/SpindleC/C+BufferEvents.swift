public import CSpindle
internal import Spindle

@c @implementation
public func spindle_adopt_bufferevent(
    _ reactor: OpaquePointer!, _ bufferevent: OpaquePointer!, _ callbacks: UnsafePointer<spindle_callbacks>!,
    _ user: UnsafeMutableRawPointer!, _ connection: UnsafeMutablePointer<OpaquePointer?>!
) -> CInt {
    answering {
        let reactor = try unsafe NamedReactor.reactor(reactor)
        let made = try unsafe CallbackConnection(reactor, Callbacks(callbacks), user)
        try unsafe made.adopt(bufferevent)
        unsafe connection?.pointee = made.handle?.pointer
    }
}

@c @implementation
public func spindle_detach_bufferevent(
    _ connection: OpaquePointer!, _ rest: UnsafeRawPointer!, _ length: Int,
    _ bufferevent: UnsafeMutablePointer<OpaquePointer?>!
) -> CInt {
    answering {
        let connection = try unsafe CallbackConnection.find(connection)
        // Nobody else would free it.
        guard let bufferevent = unsafe bufferevent else { throw Refusal(.invalid, "bufferevent is NULL") }
        let rest = try unsafe bytes(rest, length, "rest")
        unsafe bufferevent.pointee = try connection.detachBufferEvent(handingBack: rest.bytes)
    }
}

@c @implementation
public func spindle_bufferevent(_ connection: OpaquePointer!) -> OpaquePointer! {
    unsafe try? CallbackConnection.find(connection).transport.bufferEvent
}
