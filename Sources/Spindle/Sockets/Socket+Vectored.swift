import Glibc

extension Socket {
    /// Sends `first`, then `second`, with one system call and without raising SIGPIPE.
    func send(_ first: RawSpan, _ second: RawSpan) -> SendOutcome {
        unsafe first.withUnsafeBytes { first in
            unsafe second.withUnsafeBytes { second in
                unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { pieces in
                    unsafe pieces[0] = Self.piece(first)
                    unsafe pieces[1] = Self.piece(second)
                    if let standardStream {
                        return Self.retrying { unsafe writev(standardStream.output, pieces.baseAddress, 2) }
                    }
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = pieces.baseAddress
                    unsafe message.msg_iovlen = 2
                    return Self.retrying { unsafe sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL)) }
                }
            }
        }
    }

    private static func piece(_ bytes: UnsafeRawBufferPointer) -> iovec {
        unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
    }
}
