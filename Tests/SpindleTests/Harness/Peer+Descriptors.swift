import Glibc

@testable import Spindle

extension Peer {
    /// Sends bytes and, with the first of them, descriptors.
    func send(_ text: String, with descriptors: [CInt]) throws {
        let bytes = Array(text.utf8)
        // What cmsg(3) says: a header of 16 bytes, then the descriptors, padded to words.
        var control = [UInt8](repeating: 0, count: 16 + (descriptors.count * 4 + 7) / 8 * 8)
        let count = control.withUnsafeMutableBytes { control in
            control.storeBytes(of: 16 + descriptors.count * 4, as: Int.self)
            control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: CInt.self)
            control.storeBytes(of: CInt(SCM_RIGHTS), toByteOffset: 12, as: CInt.self)
            descriptors.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: control[16...]).copyBytes(from: $0) }
            return bytes.withUnsafeBytes { bytes in
                var piece = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &piece) { piece in
                    var message = msghdr()
                    message.msg_iov = piece
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    return sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
                }
            }
        }
        guard count == bytes.count else { throw Failure(call: "sendmsg", errno: errno) }
    }

    /// Receives to the end, and tells where in the stream each descriptor had arrived at the latest: how
    /// many bytes had come when it was there. The descriptors are closed; `identify` says what they were.
    func receiveToEnd<Mark>(
        atMost limit: Int = 65_536, identify: (CInt) -> Mark
    ) throws -> (bytes: [UInt8], marks: [(mark: Mark, before: Int)]) {
        var bytes: [UInt8] = []
        var marks: [(mark: Mark, before: Int)] = []
        var buffer = [UInt8](repeating: 0, count: limit)
        while true {
            var descriptors: [CInt] = []
            let count = try buffer.withUnsafeMutableBytes {
                try Socket(descriptor: descriptor).receive(into: $0, appendingTo: &descriptors)
            }
            if count == 0 { return (bytes, marks) }
            bytes += buffer[..<count]
            for received in descriptors {
                marks.append((identify(received), bytes.count))
                Glibc.close(received)
            }
        }
    }
}
