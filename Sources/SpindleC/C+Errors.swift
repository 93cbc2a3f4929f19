internal import CSpindle

@c @implementation
public func spindle_version() -> CInt { CInt(SPINDLE_VERSION_NUMBER) }

@c @implementation
public func spindle_strerror(_ code: CInt) -> UnsafePointer<CChar>! {
    let text: StaticString = Status(rawValue: code)?.text ?? "no code of libspindle's"
    return unsafe UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

@c @implementation
public func spindle_last_error() -> UnsafePointer<CChar>! { unsafe UnsafePointer(LastError.text) }
