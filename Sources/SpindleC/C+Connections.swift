public import CSpindle
internal import Spindle

@c @implementation
public func spindle_connect(
    _ reactor: OpaquePointer!, _ endpoint: UnsafePointer<CChar>!, _ callbacks: UnsafePointer<spindle_callbacks>!,
    _ user: UnsafeMutableRawPointer!, _ connection: UnsafeMutablePointer<OpaquePointer?>!
) -> CInt {
    answering {
        let reactor = try unsafe NamedReactor.reactor(reactor)
        let endpoint = try clientFromString(reactor, unsafe text(endpoint, "endpoint"))
        let made = try unsafe CallbackConnection(reactor, Callbacks(callbacks), user)
        made.connect(to: endpoint)
        unsafe connection?.pointee = made.handle?.pointer
    }
}

@c @implementation
public func spindle_write(_ connection: OpaquePointer!, _ data: UnsafeRawPointer!, _ length: Int) -> CInt {
    answeringNumber {
        let connection = try unsafe CallbackConnection.find(connection)
        return try unsafe connection.write(bytes(data, length, "data").bytes).rawValue
    }
}

@c @implementation
public func spindle_set_marks(_ connection: OpaquePointer!, _ low: Int, _ high: Int) -> CInt {
    answering {
        let connection = try unsafe CallbackConnection.find(connection)
        guard 0 <= low, low <= high else {
            throw Refusal(.invalid, "low is \(UInt(bitPattern: low)), high \(UInt(bitPattern: high))")
        }
        try connection.transport.waterMarks = WaterMarks(low: low, high: high)
    }
}

@c @implementation
public func spindle_close(_ connection: OpaquePointer!) -> CInt {
    answering {
        try unsafe CallbackConnection.find(connection).close { $0.loseConnection() }
    }
}

@c @implementation
public func spindle_abort(_ connection: OpaquePointer!) -> CInt {
    answering {
        try unsafe CallbackConnection.find(connection).close { $0.abortConnection() }
    }
}

@c @implementation
public func spindle_finish_writing(_ connection: OpaquePointer!) -> CInt {
    answering {
        try unsafe CallbackConnection.find(connection).transport.loseWriteConnection()
    }
}

@c @implementation
public func spindle_pause(_ connection: OpaquePointer!) -> CInt {
    answering {
        try unsafe CallbackConnection.find(connection).transport.pauseProducing()
    }
}

@c @implementation
public func spindle_resume(_ connection: OpaquePointer!) -> CInt {
    answering {
        try unsafe CallbackConnection.find(connection).transport.resumeProducing()
    }
}

// MARK: - What there is to know about one

@c @implementation
public func spindle_set_user(_ connection: OpaquePointer!, _ user: UnsafeMutableRawPointer!) -> CInt {
    answering {
        try unsafe CallbackConnection.find(connection).user = user
    }
}

@c @implementation
public func spindle_user(_ connection: OpaquePointer!) -> UnsafeMutableRawPointer! {
    unsafe try? CallbackConnection.find(connection).user
}

@c @implementation
public func spindle_peer(_ connection: OpaquePointer!, _ buffer: UnsafeMutablePointer<CChar>!, _ size: Int) -> CInt {
    unsafe answeringText(buffer, size) { try unsafe "\(CallbackConnection.find(connection).transport.peer)" }
}

@c @implementation
public func spindle_host(_ connection: OpaquePointer!, _ buffer: UnsafeMutablePointer<CChar>!, _ size: Int) -> CInt {
    unsafe answeringText(buffer, size) { try unsafe "\(CallbackConnection.find(connection).transport.host)" }
}

@c @implementation
public func spindle_descriptor(_ connection: OpaquePointer!) -> CInt {
    answeringNumber {
        let transport = try unsafe CallbackConnection.find(connection).transport
        guard let descriptor = transport.fileDescriptor else {
            throw Refusal(.state, "the connection has no descriptor")
        }
        return descriptor
    }
}
