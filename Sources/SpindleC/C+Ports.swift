public import CSpindle
internal import Spindle

@c @implementation
public func spindle_listen(
    _ reactor: OpaquePointer!, _ endpoint: UnsafePointer<CChar>!, _ callbacks: UnsafePointer<spindle_callbacks>!,
    _ user: UnsafeMutableRawPointer!, _ port: UnsafeMutablePointer<OpaquePointer?>!
) -> CInt {
    answering {
        let reactor = try unsafe NamedReactor.reactor(reactor)
        let callbacks = try unsafe Callbacks(callbacks)
        let factory = Factory { callbacks.makeProtocol(for: unsafe CallbackConnection(reactor, callbacks, user)) }
        try unsafe listen(reactor, endpoint, factory, port)
    }
}

@c @implementation
public func spindle_mount(
    _ reactor: OpaquePointer!, _ factory: UnsafePointer<CChar>!, _ endpoint: UnsafePointer<CChar>!,
    _ user: UnsafeMutableRawPointer!, _ port: UnsafeMutablePointer<OpaquePointer?>!
) -> CInt {
    answering {
        let reactor = try unsafe NamedReactor.reactor(reactor)
        let factory = try unsafe SpindleRegistry.make(text(factory, "factory"), reactor, user)
        try unsafe listen(reactor, endpoint, factory, port)
    }
}

private func listen(
    _ reactor: Reactor, _ endpoint: UnsafePointer<CChar>?, _ factory: Factory,
    _ port: UnsafeMutablePointer<OpaquePointer?>?
) throws {
    let made = try NamedPort(serverFromString(reactor, unsafe text(endpoint, "endpoint")), factory)
    unsafe port?.pointee = made.handle?.pointer
}

@c @implementation
public func spindle_port_address(_ port: OpaquePointer!, _ buffer: UnsafeMutablePointer<CChar>!, _ size: Int) -> CInt {
    unsafe answeringText(buffer, size) { try unsafe "\(NamedPort.find(port).port.address)" }
}

@c @implementation
public func spindle_port_number(_ port: OpaquePointer!) -> CInt {
    answeringNumber { CInt(try unsafe NamedPort.find(port).port.address.port ?? 0) }
}

@c @implementation
public func spindle_port_close(_ port: OpaquePointer!) -> CInt {
    answering { try unsafe NamedPort.find(port).close() }
}
