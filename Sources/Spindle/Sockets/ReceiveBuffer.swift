import Glibc

/// The one buffer that a reactor's connections receive into.
///
/// Bytes are handed out as a span that cannot outlive the callback, so a single buffer
/// serves every connection and receiving copies nothing in user space.
@safe
final class ReceiveBuffer {
    private let bytes: UnsafeMutableRawBufferPointer

    init(capacity: Int) {
        unsafe bytes = .allocate(byteCount: capacity, alignment: 64)
    }

    deinit { unsafe bytes.deallocate() }

    var capacity: Int { unsafe bytes.count }

    enum Outcome {
        case received(Int)
        /// Nothing there now.
        case empty
        /// The peer has finished sending.
        case end
        case failed(SystemError)
    }

    /// Fills the buffer from a socket with one recv(2), or from what stands in its place with one read(2).
    func receive(from socket: Socket) -> Outcome {
        while true {
            let count =
                unsafe socket.standardStream == nil
                ? recv(socket.descriptor, bytes.baseAddress, bytes.count, 0)
                : read(socket.descriptor, bytes.baseAddress, bytes.count)
            if count > 0 { return .received(count) }
            if count == 0 { return .end }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .empty
            default: return .failed(SystemError(errno, "recv"))
            }
        }
    }

    /// As `receive(from:)`, but takes the descriptors that come along, too.
    func receive(from socket: Socket, appendingTo descriptors: inout [CInt]) -> Outcome {
        do throws(SystemError) {
            let count = unsafe try socket.receive(into: bytes, appendingTo: &descriptors)
            return count > 0 ? .received(count) : .end
        } catch {
            return error.errno == EAGAIN ? .empty : .failed(error)
        }
    }

    /// Lends the first `count` bytes.
    @inline(__always)
    func withBytes<Failure: Error>(_ count: Int, _ body: (RawSpan) throws(Failure) -> Void) throws(Failure) {
        unsafe try body(UnsafeRawBufferPointer(rebasing: bytes[..<count]).bytes)
    }
}
