internal import CSpindle
internal import Spindle

@c @implementation
public func spindle_call_later(
    _ reactor: OpaquePointer!, _ seconds: Double, _ call: (@convention(c) (UnsafeMutableRawPointer?) -> Void)!,
    _ user: UnsafeMutableRawPointer!, _ timer: UnsafeMutablePointer<OpaquePointer?>!
) -> CInt {
    answering {
        let reactor = try unsafe NamedReactor.reactor(reactor)
        guard (0...1e9).contains(seconds) else { throw Refusal(.invalid, "seconds is \(seconds)") }
        guard let call = unsafe call else { throw Refusal(.invalid, "call is NULL") }
        let named = NamedTimer(reactor, .seconds(seconds)) { unsafe call(user) }
        unsafe timer?.pointee = named.handle?.pointer
    }
}

@c @implementation
public func spindle_cancel(_ timer: OpaquePointer!) -> CInt {
    answering {
        try unsafe NamedTimer.find(timer).cancel()
    }
}
