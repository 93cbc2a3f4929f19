/// Copies a struct that C passes in, which begins with its own size as C knows it.
///
/// Members behind the end of a shorter one, from before they existed, are zero. A longer one is taken if
/// it has only zeros behind what this library knows.
///
/// - Parameters:
///   - pointer: where it is.
///   - zero: one of which all members are zero.
///   - what: its name, for messages.
/// - Throws: ``Refusal``
func copySized<Value>(_ pointer: UnsafePointer<Value>?, _ zero: Value, _ what: String) throws -> Value {
    guard let pointer = unsafe pointer else { throw Refusal(.invalid, "\(what) is NULL") }
    let size = unsafe UnsafeRawPointer(pointer).load(as: Int.self)
    guard size >= MemoryLayout<Int>.size, size <= 4096 else {
        throw Refusal(.invalid, "\(what)->size is \(size): it is to be the size of the struct")
    }
    let theirs = unsafe UnsafeRawBufferPointer(start: pointer, count: size)
    let known = min(size, MemoryLayout<Value>.size)
    guard unsafe theirs[known...].allSatisfy({ $0 == 0 }) else {
        throw Refusal(.invalid, "\(what) asks for something that this version of libspindle does not have")
    }
    var value = zero
    unsafe withUnsafeMutableBytes(of: &value) {
        unsafe $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: theirs[..<known]))
    }
    return value
}
