import Glibc

extension TLSConfiguration.Source {
    /// The bytes, from wherever they are.
    ///
    /// - Parameter kind: what the source should have, for the error of one without anything.
    func read(_ kind: String) throws(TLSConfigurationError) -> [UInt8] {
        switch self {
        case .pem(let text): return Array(text.utf8)
        case .file(let path):
            let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw TLSConfigurationError(path, .unreadable(errno: errno)) }
            defer { close(descriptor) }
            var contents: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 16_384)
            while true {
                let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw TLSConfigurationError(path, .unreadable(errno: errno)) }
                guard count > 0 else { return contents }
                contents += chunk[..<count]
                // A device, or something else that was meant by nobody.
                guard contents.count <= 64 << 20 else { throw TLSConfigurationError(path, .notPEM(kind)) }
            }
        }
    }
}
