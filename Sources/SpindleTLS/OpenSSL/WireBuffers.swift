import COpenSSL
import Glibc

/// What a BIO of OpenSSL's reads from and writes to: wire bytes that came in and were lent to us, and room for what goes out.
///
/// One for all connections of a reactor, which take turns: nothing of it is used by two at a time.
@safe
struct WireBuffers {
    var input: UnsafePointer<UInt8>?
    var inputCount = 0
    var output: UnsafeMutablePointer<UInt8>?
    var outputCount = 0
    private var outputCapacity = 0
    /// How many records were begun, of the connection that reads now, since the last that had something for its protocol.
    var barrenRecords = 0
    /// As many as there may be.
    var barrenLimit = Int.max

    /// Room for four records of the greatest length, and more: what is sent in one go.
    private static let usualCapacity = 4 * 16_384 + 4096

    mutating func append(_ bytes: UnsafeRawPointer, _ count: Int) {
        let needed = outputCount + count
        if needed > outputCapacity { grow(to: max(needed, Self.usualCapacity)) }
        if let output = unsafe output {
            unsafe UnsafeMutableRawPointer(output + outputCount).copyMemory(from: bytes, byteCount: count)
        }
        outputCount = needed
    }

    private mutating func grow(to capacity: Int) {
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        if let output = unsafe output {
            unsafe larger.update(from: output, count: outputCount)
            unsafe output.deallocate()
        }
        unsafe output = larger
        outputCapacity = capacity
    }

    /// Takes what is to go out, and leaves nothing: whoever sends it may bring about more.
    mutating func takeOutput() -> WireBuffers {
        let taken = self
        unsafe output = nil
        outputCount = 0
        outputCapacity = 0
        return taken
    }

    /// Puts the room of what was taken back, unless there is other meanwhile.
    mutating func giveBack(_ taken: WireBuffers) {
        guard unsafe output == nil, taken.outputCapacity <= 2 * Self.usualCapacity else {
            unsafe taken.output?.deallocate()
            return
        }
        unsafe output = taken.output
        outputCapacity = taken.outputCapacity
    }
}

/// The way of OpenSSL to those buffers.
enum WireBIO {
    /// A record begins with so many bytes, and OpenSSL asks for exactly these.
    private static let recordHeader = 5

    nonisolated(unsafe) private static let method: OpaquePointer? = {
        let kind = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
        guard let method = unsafe BIO_meth_new(kind, "spindle wire") else { return nil }
        unsafe BIO_meth_set_read(method, read)
        unsafe BIO_meth_set_write(method, write)
        unsafe BIO_meth_set_ctrl(method, control)
        return unsafe method
    }()

    static func make(_ buffers: UnsafeMutablePointer<WireBuffers>) -> OpaquePointer? {
        guard let method = unsafe method, let bio = unsafe BIO_new(method) else { return nil }
        unsafe BIO_set_data(bio, buffers)
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }

    private static let read: @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, CInt) -> CInt = {
        bio, room, count in
        unsafe BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
        guard let data = unsafe BIO_get_data(bio), let room = unsafe room, count > 0 else { return -1 }
        let wire = unsafe data.assumingMemoryBound(to: WireBuffers.self)
        guard let input = unsafe wire.pointee.input, unsafe wire.pointee.inputCount > 0 else {
            unsafe BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
            return -1
        }
        if count == recordHeader {
            // In vain: OpenSSL itself goes on for as long as records come that are none of the protocol's business.
            guard unsafe wire.pointee.barrenRecords < wire.pointee.barrenLimit else { return -1 }
            unsafe wire.pointee.barrenRecords += 1
        }
        let taken = unsafe min(Int(count), wire.pointee.inputCount)
        unsafe UnsafeMutableRawPointer(room).copyMemory(from: input, byteCount: taken)
        unsafe wire.pointee.input = input + taken
        unsafe wire.pointee.inputCount -= taken
        return CInt(taken)
    }

    private static let write: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, CInt) -> CInt = {
        bio, bytes, count in
        guard let data = unsafe BIO_get_data(bio), let bytes = unsafe bytes, count > 0 else { return -1 }
        unsafe data.assumingMemoryBound(to: WireBuffers.self).pointee.append(bytes, Int(count))
        return count
    }

    private static let control: @convention(c) (OpaquePointer?, CInt, Int, UnsafeMutableRawPointer?) -> Int = {
        _, command, _, _ in
        command == BIO_CTRL_FLUSH ? 1 : 0
    }
}
