/// Does what a function of spindle.h is called for, and answers as they all do: 0, or the code of what was thrown.
func answering(_ function: StaticString = #function, _ body: () throws -> Void) -> CInt {
    answeringNumber(function) {
        try body()
        return Status.ok.rawValue
    }
}

/// As the other; on success the answer is a number.
func answeringNumber(_ function: StaticString = #function, _ body: () throws -> CInt) -> CInt {
    do { return try body() } catch { return LastError.set(function, error) }
}

/// As the others; on success the answer is a text, written to `buffer` as snprintf(3) would, and its length.
func answeringText(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int, _ function: StaticString = #function,
    _ body: () throws -> String
) -> CInt {
    answeringNumber(function) {
        let text = try body().utf8CString
        guard size >= 0, unsafe buffer != nil || size == 0 else { throw Refusal(.invalid, "buffer is NULL") }
        if let buffer = unsafe buffer, size > 0 {
            let count = min(size, text.count) - 1
            for index in 0..<count { unsafe buffer[index] = text[index] }
            unsafe buffer[count] = 0
        }
        return CInt(text.count - 1)
    }
}

/// A string that C passes in.
///
/// - Parameter name: the argument's.
/// - Throws: ``Refusal``
func text(_ pointer: UnsafePointer<CChar>?, _ name: String) throws -> String {
    guard let pointer = unsafe pointer else { throw Refusal(.invalid, "\(name) is NULL") }
    return unsafe String(cString: pointer)
}

/// Bytes that C passes in.
///
/// - Parameter name: the argument's.
/// - Throws: ``Refusal``
func bytes(_ pointer: UnsafeRawPointer?, _ length: Int, _ name: String) throws -> UnsafeRawBufferPointer {
    guard length >= 0, unsafe pointer != nil || length == 0 else {
        throw Refusal(.invalid, length < 0 ? "length is more than there is memory" : "\(name) is NULL")
    }
    return unsafe UnsafeRawBufferPointer(start: pointer, count: length)
}
