extension Connection {
    /// What arrives on a connection, in pieces: ``Connection/bytes``.
    public struct Bytes: AsyncSequence {
        public typealias Element = [UInt8]
        public typealias Failure = any Error

        let connection: Connection

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(connection: connection) }

        public struct AsyncIterator: AsyncIteratorProtocol {
            let connection: Connection

            public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> [UInt8]? {
                try await connection.read(isolation: actor) { Array(copying: $0) }
            }
        }
    }
}
