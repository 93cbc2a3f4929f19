import Spindle
import SpindleProtocols
import TestSupport
import Testing

/// Rules M1 and M2 of the contract, for lines.
@Suite struct LineReceiverTests {
    private typealias Event = NotingReceiver.Event

    /// A receiver on a transport of its own, and a way to feed it.
    private struct Rig {
        let receiver = NotingReceiver()
        let transport: NotingTransport

        init(_ reactor: Reactor, delimiter: LineDelimiter = "\r\n", maxLength: Int = 16_384) throws {
            transport = NotingTransport(reactor: reactor)
            receiver.delimiter = delimiter
            receiver.maxLength = maxLength
            try receiver.makeConnection(transport)
        }

        func feed(_ bytes: some Collection<UInt8>) throws {
            let bytes = Array(bytes)
            try bytes.withRawSpan { try receiver.dataReceived($0) }
        }

        func feed(_ text: String) throws { try feed(text.utf8) }
    }

    private func makeReactor() throws -> Reactor {
        var options = Reactor.Options()
        options.handlesSignals = false
        return try Reactor(options: options)
    }

    // MARK: - M1

    @Test("M1: any split of the bytes gives the same callbacks", arguments: ["crlf", "newline", "long"])
    func splits(kind: String) throws {
        let reactor = try makeReactor()
        var generator = SeededGenerator(seed: 42)
        for _ in 0..<1500 {
            let (script, expected) = Self.script(kind, using: &generator)
            let delimiter: LineDelimiter = kind == "crlf" ? "\r\n" : kind == "newline" ? .anyNewline : "--END--"
            let rig = try Rig(reactor, delimiter: delimiter)
            var rest = script[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...12, using: &generator))
                rest.removeFirst(piece.count)
                try rig.feed(piece)
            }
            guard rig.receiver.events == expected else {
                Issue.record("\(String(decoding: script, as: UTF8.self)) gave \(rig.receiver.events)")
                return
            }
        }
    }

    /// A random conversation: its bytes, and what a receiver is to make of them.
    private static func script(_ kind: String, using generator: inout SeededGenerator) -> ([UInt8], [Event]) {
        var bytes: [UInt8] = []
        var events: [Event] = []
        func end() {
            let endings = kind == "crlf" ? ["\r\n"] : kind == "newline" ? ["\r\n", "\n"] : ["--END--"]
            bytes += Array(endings.randomElement(using: &generator)!.utf8)
        }
        for _ in 0..<Int.random(in: 0...8, using: &generator) {
            if Int.random(in: 0..<4, using: &generator) == 0 {
                let raw = (0..<Int.random(in: 1...20, using: &generator)).map { _ in
                    String("ab\r\n-".randomElement(using: &generator)!)
                }.joined()
                let count = raw.utf8.count
                events += [.line("raw \(count)"), .raw(raw)]
                bytes += Array("raw \(count)".utf8)
                end()
                bytes += Array(raw.utf8)
            } else {
                // Letters of the delimiters, too, where they do not make one.
                let letters = kind == "crlf" ? "xy\r" : kind == "newline" ? "xy" : "xyE-"
                var line = (0..<Int.random(in: 0...10, using: &generator)).map { _ in
                    String(letters.randomElement(using: &generator)!)
                }.joined()
                if kind != "newline" { line += "." }
                events.append(.line(line))
                bytes += Array(line.utf8)
                end()
            }
        }
        return (bytes, events)
    }

    @Test("M1: a pause inside lineReceived holds back the next line; resuming delivers it in a later pass")
    func pausing() throws {
        let reactor = try makeReactor()
        let rig = try Rig(reactor)
        rig.receiver.onPause = {
            reactor.callLater(.milliseconds(1)) { rig.receiver.resumeProducing() }
        }
        try rig.feed("one\r\npause\r\ntwo\r\npause\r\nthree\r\nfo")
        #expect(rig.receiver.events == [.line("one"), .line("pause")])
        #expect(rig.transport.isPaused)
        try rig.feed("ur\r\n")
        #expect(rig.receiver.events.count == 2)
        let lines = ["one", "pause", "two", "pause", "three", "four"]
        let limit = reactor.seconds + 10
        func stopWhenDone() throws {
            guard rig.receiver.events.count < lines.count, reactor.seconds < limit else { return try reactor.stop() }
            reactor.callLater(.milliseconds(1), stopWhenDone)
        }
        reactor.callLater(.zero, stopWhenDone)
        try reactor.run()
        #expect(rig.receiver.events == lines.map { .line($0) })
        rig.receiver.onPause = {}
    }

    @Test("M1: a pause and resume inside one lineReceived changes nothing")
    func pauseAndResumeAtOnce() throws {
        let reactor = try makeReactor()
        let rig = try Rig(reactor)
        rig.receiver.onPause = { [unowned receiver = rig.receiver] in receiver.resumeProducing() }
        try rig.feed("pause\r\npause\r\nlast\r\n")
        reactor.callLater(.milliseconds(5)) { try reactor.stop() }
        try reactor.run()
        #expect(rig.receiver.events == [.line("pause"), .line("pause"), .line("last")])
    }

    @Test("M1: nothing is delivered after loseConnection, whatever was received behind it")
    func closing() throws {
        let rig = try Rig(try makeReactor())
        try rig.feed("one\r\nclose\r\ntwo\r\nthr")
        try rig.feed("ee\r\n")
        #expect(rig.receiver.events == [.line("one"), .line("close")])
    }

    @Test("S4: what lineReceived throws comes out of dataReceived")
    func throwing() throws {
        let rig = try Rig(try makeReactor())
        #expect(throws: NotingReceiver.Refusal.self) { try rig.feed("one\r\nthrow\r\ntwo\r\n") }
        #expect(rig.receiver.events == [.line("one"), .line("throw")])
    }

    @Test("What was received and not delivered can be taken over by another protocol")
    func unused() throws {
        let rig = try Rig(try makeReactor())
        try rig.feed("one\r\npause\r\nthe rest\r\nand more")
        #expect(String(decoding: rig.receiver.takeUnusedBytes(), as: UTF8.self) == "the rest\r\nand more")
        #expect(rig.receiver.takeUnusedBytes().isEmpty)
    }

    @Test("A delimiter that is changed applies to what comes behind the line")
    func delimiterChange() throws {
        let rig = try Rig(try makeReactor())
        try rig.feed("one\r\ntwo;thr")
        rig.receiver.delimiter = ";"
        try rig.feed("ee;\r\n;")
        #expect(rig.receiver.events == ["one", "two", "three", "\r\n"].map { .line($0) })
    }

    // MARK: - M2

    @Test("M2: the longest line is accepted in every split, a longer one in none", arguments: [0, 1])
    func limit(excess: Int) throws {
        let reactor = try makeReactor()
        for delimiter in ["\r\n", "--END--", .anyNewline] as [LineDelimiter] {
            let bytes = [UInt8](repeating: 120, count: 10 + excess) + delimiter.bytes
            for split in 1..<bytes.count {
                let rig = try Rig(reactor, delimiter: delimiter, maxLength: 10)
                try rig.feed(bytes[..<split])
                try rig.feed(bytes[split...])
                let expected: Event = excess == 0 ? .line(String(repeating: "x", count: 10)) : .tooLong
                #expect(rig.receiver.events == [expected], "split at \(split)")
                #expect(rig.transport.isDisconnecting == (excess > 0))
            }
        }
    }

    @Test("M2: a line without end is refused as soon as it cannot be a legal one any more")
    func endless() throws {
        let rig = try Rig(try makeReactor(), maxLength: 10)
        try rig.feed("0123456789\r")
        #expect(rig.receiver.events.isEmpty)
        try rig.feed("x")
        #expect(rig.receiver.events == [.tooLong])
        #expect(rig.transport.isDisconnecting)
    }

    @Test("M2: an override that keeps the connection goes on with what comes next")
    func surviving() throws {
        let rig = try Rig(try makeReactor(), maxLength: 4)
        rig.receiver.survivesLongLines = true
        try rig.feed("one\r\nmuch too long\r\ndropped with it\r\n")
        try rig.feed("two\r\n")
        #expect(rig.receiver.events == [.line("one"), .tooLong, .line("two")])
    }

    @Test("M2: a long line that comes in small pieces takes linear time", .timeLimit(.minutes(1)))
    func linear() throws {
        let rig = try Rig(try makeReactor(), delimiter: "\n", maxLength: 4 << 20)
        let piece = [UInt8](repeating: 120, count: 16)
        for _ in 0..<(4 << 20) / 16 { try rig.feed(piece) }
        try rig.feed("\n")
        #expect(rig.receiver.events.count == 1)
    }

    @Test("sendLine sends the line and its delimiter")
    func sending() throws {
        let rig = try Rig(try makeReactor(), delimiter: .anyNewline)
        rig.receiver.sendLine("hello")
        rig.receiver.sendLine("")
        #expect(String(decoding: rig.transport.written, as: UTF8.self) == "hello\r\n\r\n")
    }
}
