import Glibc

// Descriptors travel in control messages (SCM_RIGHTS), whose layout is given in macros that Swift
// does not see: a header, then the descriptors, each part padded to the size of a word.
private enum Control {
    static func padded(_ count: Int) -> Int { (count + MemoryLayout<Int>.size - 1) & ~(MemoryLayout<Int>.size - 1) }

    static let headerSize = padded(MemoryLayout<cmsghdr>.size)
    static let descriptorSize = MemoryLayout<CInt>.size

    /// More than the 253 descriptors that the kernel carries at most, and some for what else may come.
    static let receiveCapacity = 2048
}

extension Socket {
    /// Sends `data` and, with its first byte, a descriptor. None of it has gone if no byte has.
    func send(_ data: RawSpan, with sent: CInt) -> SendOutcome {
        let size = Control.headerSize + Control.padded(Control.descriptorSize)
        return unsafe data.withUnsafeBytes { data in
            unsafe withUnsafeTemporaryAllocation(byteCount: size, alignment: MemoryLayout<Int>.alignment) { control in
                var header = cmsghdr()
                header.cmsg_len = Control.headerSize + Control.descriptorSize
                header.cmsg_level = SOL_SOCKET
                header.cmsg_type = CInt(SCM_RIGHTS)
                unsafe control.storeBytes(of: header, as: cmsghdr.self)
                unsafe control.storeBytes(of: sent, toByteOffset: Control.headerSize, as: CInt.self)
                var piece = unsafe iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: data.baseAddress), iov_len: data.count)
                return unsafe withUnsafeMutablePointer(to: &piece) { piece in
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = piece
                    unsafe message.msg_iovlen = 1
                    unsafe message.msg_control = control.baseAddress
                    unsafe message.msg_controllen = size
                    return Self.retrying { unsafe sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL)) }
                }
            }
        }
    }

    /// Receives bytes as recv(2) does, and appends the descriptors that come with them, which are close-on-exec.
    ///
    /// - Throws: EMFILE if descriptors were lost because this process has no more; those that came with
    ///   them are closed then, since nobody could tell which is which.
    func receive(
        into buffer: UnsafeMutableRawBufferPointer, appendingTo descriptors: inout [CInt]
    ) throws(SystemError) -> Int {
        var received: [CInt] = []
        let result: (count: Int, errno: CInt, isTruncated: Bool) = unsafe withUnsafeTemporaryAllocation(
            byteCount: Control.receiveCapacity, alignment: MemoryLayout<Int>.alignment
        ) { control in
            var piece = unsafe iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
            return unsafe withUnsafeMutablePointer(to: &piece) { piece in
                var message = unsafe msghdr()
                unsafe message.msg_iov = piece
                unsafe message.msg_iovlen = 1
                unsafe message.msg_control = control.baseAddress
                unsafe message.msg_controllen = control.count
                var count: Int
                repeat {
                    count = unsafe recvmsg(descriptor, &message, CInt(MSG_CMSG_CLOEXEC))
                } while count < 0 && errno == EINTR
                guard count >= 0 else { return (count, errno, false) }
                unsafe Self.collect(UnsafeRawBufferPointer(control)[..<message.msg_controllen], into: &received)
                return (count, 0, unsafe message.msg_flags & CInt(MSG_CTRUNC) != 0)
            }
        }
        guard result.count >= 0 else { throw SystemError(result.errno, "recvmsg") }
        if result.isTruncated {
            for descriptor in received { Glibc.close(descriptor) }
            throw SystemError(EMFILE, "recvmsg")
        }
        descriptors += received
        return result.count
    }

    private static func collect(_ control: Slice<UnsafeRawBufferPointer>, into descriptors: inout [CInt]) {
        var rest = unsafe UnsafeRawBufferPointer(rebasing: control)
        while rest.count >= Control.headerSize {
            let header = unsafe rest.loadUnaligned(as: cmsghdr.self)
            let length = Int(header.cmsg_len)
            guard length >= Control.headerSize, length <= rest.count else { return }
            if header.cmsg_level == SOL_SOCKET, header.cmsg_type == CInt(SCM_RIGHTS) {
                let offsets = stride(from: Control.headerSize, to: length, by: Control.descriptorSize)
                for offset in offsets {
                    unsafe descriptors.append(rest.loadUnaligned(fromByteOffset: offset, as: CInt.self))
                }
            }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[min(rest.count, Control.padded(length))...])
        }
    }
}
