@_spi(Carriers) import Spindle
import SpindleProtocols
import TestSupport
import Testing

/// Rules M1 and M2 for `connection.lines`: cut up by a transport of the test's own, where that matters.
@Suite struct LinesTests {
    /// A transport that is connected to nothing, and open until it is told otherwise.
    private final class Wire: InertTransport {
        private(set) var isOpen = true
        private var paused = false
        override var isConnected: Bool { isOpen }
        override var isDisconnecting: Bool { !isOpen }
        override var isPaused: Bool { paused }
        override func pauseProducing() { paused = true }
        override func resumeProducing() { paused = false }
        override func loseConnection() { isOpen = false }
    }

    private func makeReactor() throws -> Reactor {
        var options = Reactor.Options()
        options.handlesSignals = false
        return try Reactor(options: options)
    }

    /// Has `pieces` arrive one by one, each when the one before has been read, and returns the lines.
    private func lines(
        of pieces: [[UInt8]], endingWith delimiter: LineDelimiter = .anyNewline, maxLength: Int = 16_384
    ) throws -> [String] {
        let reactor = try makeReactor()
        var received: [String] = []
        let connection = Connection()
        try connection.stream.makeConnection(Wire(reactor: reactor))
        let reading = reactor.spawn {
            for try await line in connection.lines(endingWith: delimiter, maxLength: maxLength) {
                received.append(line)
            }
        }
        var failure: (any Error)?
        reactor.spawn {
            for piece in pieces {
                piece.withUnsafeBytes { connection.stream.dataReceived($0.bytes) }
                try await reactor.sleep(.zero).value()
            }
            connection.stream.readConnectionLost()
            do { try await reading.value() } catch { failure = error }
            try reactor.stop()
        }
        let watchdog = reactor.callLater(.seconds(30)) {
            Issue.record("timed out")
            try reactor.stop()
        }
        try reactor.run()
        if watchdog.isActive { try watchdog.cancel() }
        connection.stream.connectionLost(ConnectionDone())
        if let failure { throw failure }
        return received
    }

    @Test("M1: any split of the bytes gives the same lines", arguments: 0..<20)
    func splits(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let expected = (0..<100).map { _ in String(repeating: "é\r-", count: .random(in: 0...40, using: &generator)) }
        let ending = ["\r\n", "\n"].randomElement(using: &generator) ?? ""
        let bytes = Array(expected.map { $0 + ending }.joined().utf8)
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + .random(in: 1...60, using: &generator))
            pieces.append(Array(bytes[start..<end]))
            start = end
        }
        let received = try lines(of: pieces)
        #expect(received == expected)
    }

    @Test("M1: delimiters of several bytes, cut in two")
    func cutDelimiter() throws {
        let pieces = ["one\r", "\ntwo\r\r", "\n", "\r", "\n", "three\nfour\r\n"].map { Array($0.utf8) }
        let received = try lines(of: pieces, endingWith: "\r\n")
        #expect(received == ["one", "two\r", "", "three\nfour"])
    }

    @Test("M2: the last line may lack its ending")
    func unterminated() throws {
        let received = try lines(of: [Array("one\ntw".utf8), Array("o".utf8)])
        #expect(received == ["one", "two"])
    }

    @Test("M2: a line may be as long as was said, and no longer", arguments: [1, 7, 100])
    func tooLong(step: Int) throws {
        func pieces(_ text: String) -> [[UInt8]] {
            let bytes = Array(text.utf8)
            return stride(from: 0, to: bytes.count, by: step).map { Array(bytes[$0..<min($0 + step, bytes.count)]) }
        }
        let fits = try lines(of: pieces("12345678\r\nx\r\n"), maxLength: 8)
        #expect(fits == ["12345678", "x"])
        #expect(throws: LineTooLongError(maxLength: 8)) { _ = try lines(of: pieces("123456789\r\n"), maxLength: 8) }
        #expect(throws: LineTooLongError(maxLength: 8)) {
            _ = try lines(of: pieces(String(repeating: "x", count: 1000)), maxLength: 8)
        }
    }

    @Test("M1: 100,000 lines, answered one by one, and bytes behind them")
    func many() throws {
        let reactor = try makeReactor()
        var answers = 0
        reactor.spawn {
            defer { try? reactor.stop() }
            let listener = try await TCP4ServerEndpoint(reactor, 0, interface: "127.0.0.1").listen()
            reactor.spawn {
                for try await connection in listener.connections {
                    for try await line in connection.lines {
                        if line == "raw" { break }
                        try await connection.write("you said \(line)\r\n")
                    }
                    // What is behind the last line is not lost with the loop.
                    for try await chunk in connection.bytes { try await connection.write(chunk) }
                }
            }.addErrback { _ in }
            let client = try await TCP4ClientEndpoint(reactor, "127.0.0.1", listener.port.address.port ?? 0).connect()
            reactor.spawn {
                for number in 0..<100_000 { try await client.write("\(number)\n") }
                try await client.write("raw\nthe rest")
                client.transport.loseWriteConnection()
            }
            for try await line in client.lines {
                if answers == 100_000 {
                    #expect(line == "the rest")
                } else {
                    try #require(line == "you said \(answers)")
                    answers += 1
                }
            }
        }
        let watchdog = reactor.callLater(.seconds(60)) {
            Issue.record("timed out")
            try reactor.stop()
        }
        try reactor.run()
        if watchdog.isActive { try watchdog.cancel() }
        #expect(answers == 100_000)
    }
}
