import Glibc
import Spindle
import SpindleProtocols
import Testing

/// Rules M1 and S7 together: lines that a paused receiver holds, and the peer's end behind them.
@Suite struct LineEndTests {
    /// How the two ends are connected.
    enum Wire: CaseIterable {
        case tcp, tcpBufferEvent, unix

        var options: Reactor.Options {
            var options = Reactor.Options()
            options.handlesSignals = false
            options.directIO = self != .tcpBufferEvent
            return options
        }
    }

    /// Connects a speaker to `receiver` and runs the reactor until the receiver has heard of the loss.
    private func run(_ wire: Wire, _ receiver: PausingReceiver, _ speaker: Speaker) throws {
        let reactor = try Reactor(options: wire.options)
        receiver.speaker = speaker
        var next: PausingReceiver? = receiver
        let factory = Factory { next.take() }
        var nextSpeaker: Speaker? = speaker
        let client = ClientFactory { nextSpeaker.take() }
        let port: ListeningPort
        if wire == .unix {
            // A name without a file; such names are the whole machine's.
            let name = "\0spindle-lines-\(getpid())-\(UInt64.random(in: 0 ... .max))"
            port = try reactor.listenUNIX(name, factory)
            reactor.connectUNIX(name, client)
        } else {
            port = try reactor.listenTCP(0, factory, interface: "127.0.0.1")
            reactor.connectTCP("127.0.0.1", port.address.port ?? 0, client)
        }
        let watchdog = reactor.callLater(.seconds(30)) {
            Issue.record("the loss was not heard of; heard: \(receiver.events.suffix(5))")
            try reactor.stop()
        }
        receiver.whenLost = { if !reactor.isStopping { try? reactor.stop() } }
        try reactor.run()
        if watchdog.isActive { try watchdog.cancel() }
        receiver.whenLost = {}
        (receiver.speaker, speaker.whenFinished) = (nil, {})
    }

    private static let cases = Wire.allCases.flatMap { wire in [(wire, 1), (wire, 2)] }

    /// Switches to another protocol at the line "bulk", and gets the connection back.
    private final class Lines: LineReceiver {
        private(set) var lines: [String] = []
        override func lineReceived(_ line: RawSpan) {
            lines.append(String(decoding: line))
            if lines.last == "bulk" { transport.switchProtocol(to: Bulk(self)) }
        }
        override func connectionLost(_ reason: any Error) { try? reactor.stop() }
    }

    /// Takes four bytes.
    private final class Bulk: Protocol {
        private let home: Lines
        init(_ home: Lines) { self.home = home }
        override func dataReceived(_ data: RawSpan) {
            transport.switchProtocol(to: home, handingOver: data.extracting(4...))
        }
    }

    @Test("M1: a receiver that gets its connection back delivers lines again")
    func switchedBack() throws {
        let reactor = try Reactor(options: Wire.tcp.options)
        let lines = Lines()
        var next: Lines? = lines
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
        final class Sender: Protocol {
            override func connectionMade() {
                transport.write("one\r\nbulk\r\nxxxxtwo\r\nbulk\r\nyyyythree\r\n")
                transport.loseConnection()
            }
        }
        reactor.connectTCP("127.0.0.1", port.address.port ?? 0, ClientFactory { Sender() })
        let watchdog = reactor.callLater(.seconds(30)) {
            Issue.record("the end was not heard of; heard: \(lines.lines)")
            try reactor.stop()
        }
        try reactor.run()
        if watchdog.isActive { try watchdog.cancel() }
        #expect(lines.lines == ["one", "bulk", "two", "bulk", "three"])
    }

    @Test("M1, S7: lines held by a pause come before the peer's end, however they arrived", arguments: cases)
    func end(wire: Wire, segments: Int) throws {
        let receiver = PausingReceiver()
        try run(wire, receiver, Speaker(segments == 1 ? ["slow\r\none\r\ntwo\r\n"] : ["slow\r\none\r\n", "two\r\n"]))
        #expect(receiver.events == ["slow", "resume", "one", "two", "lost"])
        #expect(receiver.reason is ConnectionDone)
    }

    @Test("M1, W6: lines held by a pause come before the end of reading", arguments: cases)
    func halfClose(wire: Wire, segments: Int) throws {
        let receiver = HalfClosingReceiver()
        try run(wire, receiver, Speaker(segments == 1 ? ["slow\r\none\r\ntwo\r\n"] : ["slow\r\none\r\n", "two\r\n"]))
        #expect(receiver.events == ["slow", "resume", "one", "two", "read end", "lost"])
        #expect(receiver.reason is ConnectionDone)
    }

    @Test("M1, S7: the end waits for each of many pauses, and for half a line", arguments: Wire.allCases)
    func manyPauses(wire: Wire) throws {
        let receiver = PausingReceiver()
        try run(wire, receiver, Speaker([String(repeating: "slow\r\n", count: 2000) + "hal"]))
        #expect(receiver.events.count == 4001)
        #expect(receiver.events.suffix(3) == ["slow", "resume", "lost"])
        #expect(receiver.reason is ConnectionDone)
    }

    @Test("S7: once no line is held the end comes at once, paused or not", arguments: Wire.allCases)
    func pausedForGood(wire: Wire) throws {
        let receiver = PausingReceiver()
        try run(wire, receiver, Speaker(["slow\r\none\r\nstay\r\n"]))
        #expect(receiver.events == ["slow", "resume", "one", "stay", "lost"])
        #expect(receiver.reason is ConnectionDone)
    }

    @Test("S7: a reset does not wait for lines that are held", arguments: [Wire.tcp, .tcpBufferEvent])
    func reset(wire: Wire) throws {
        let receiver = PausingReceiver()
        let speaker = Speaker(["stay\r\none\r\n", "never sent"])
        receiver.onStay = { speaker.transport.abortConnection() }
        try run(wire, receiver, speaker)
        #expect(receiver.events == ["stay", "lost"])
        #expect((receiver.reason as? ConnectionLost)?.errno == ECONNRESET)
        receiver.onStay = {}
    }

    @Test("S7: held bytes go to the protocol that is switched to, and then the end", arguments: Wire.allCases)
    func switching(wire: Wire) throws {
        let receiver = PausingReceiver()
        let second = PausingReceiver()
        receiver.successor = second
        second.whenLost = { receiver.whenLost() }
        try run(wire, receiver, Speaker(["slow\r\nswitch\r\none\r\ntwo"]))
        #expect(receiver.events == ["slow", "resume", "switch"])
        #expect(second.events == ["one", "lost"])
        second.whenLost = {}
    }
}
