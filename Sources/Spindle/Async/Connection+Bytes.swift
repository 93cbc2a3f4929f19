extension Connection {
    /// What arrives on a connection, in pieces: ``Connection/bytes``.
    public struct Bytes: AsyncSequence {
        public typealias Element = [UInt8]
        public typealias Failure = any Error

        let connection: Connection

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(connection: connection) }

        public struct AsyncIterator: AsyncIteratorProtocol {
            private let connection: Connection
            /// The chunk before. Its memory is used again if nobody else has kept it, which an array finds out by itself.
            private var last: [UInt8] = []

            /// What is kept for that at most.
            private static let limit = 4096

            init(connection: Connection) { self.connection = connection }

            public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> [UInt8]? {
                try await connection.read(isolation: actor) { Self.copy($0, to: &last) }
            }

            private static func copy(_ data: RawSpan, to last: inout [UInt8]) -> [UInt8] {
                guard data.byteCount <= limit else { return Array(copying: data) }
                // Not for a much smaller one: whoever keeps that should not keep memory that it does not need.
                if last.capacity <= 2 * data.byteCount { last.removeAll(keepingCapacity: true) } else { last = [] }
                last.append(copying: data)
                return last
            }
        }
    }
}
