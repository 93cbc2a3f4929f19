import CLibEvent
import Glibc
import Spindle
import Testing

/// I2 for Spindle's own transports: C code gets at their bufferevents at any time, and what it writes has its place.
@Suite(.ownThreads) struct SharedBufferEventTests {
    private static func write(_ text: String, to bufferEvent: OpaquePointer?) {
        var text = text
        _ = text.withUTF8 { bufferevent_write(bufferEvent, $0.baseAddress, $0.count) }
    }

    @Test("I2: C's writes stand between those of Swift before and after, large and small", arguments: [1, 300_000])
    func order(size: Int) throws {
        let subject = Recorder()
        subject.onMade = { me in
            for letter in "aceg" {
                me.transport.write(String(repeating: letter, count: size))
                let next = Character(Unicode.Scalar(letter.asciiValue! + 1))
                Self.write(String(repeating: next, count: size), to: me.transport.bufferEvent)
            }
            me.transport.loseConnection()
        }
        let outcome = try StreamKind.tcp4.run(subject, receiveBuffer: 4096) { peer in
            let received = String(decoding: try peer.receiveToEnd(), as: UTF8.self)
            #expect(received == "abcdefgh".map { String(repeating: $0, count: size) }.joined())
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionDone)
    }

    @Test(
        "W3: loseConnection and loseWriteConnection send what C wrote, with nothing of Swift's",
        arguments: [true, false])
    func flushesForC(closes: Bool) throws {
        let subject = Recorder()
        let text = String(repeating: "C", count: 5_000_000)
        subject.onMade = { me in
            Self.write(text, to: me.transport.bufferEvent)
            if closes { me.transport.loseConnection() } else { me.transport.loseWriteConnection() }
        }
        let outcome = try StreamKind.tcp4.run(subject, receiveBuffer: 4096) { peer in
            let count = try peer.receiveToEnd().count
            #expect(count == text.utf8.count)
        }
        #expect(outcome.peerError == nil)
    }

    @Test("I2: asked for while bytes arrive and others wait to be sent, it loses and swaps none")
    func midStream() throws {
        let total = 20 << 20
        let subject = Recorder()
        subject.keepsNothing = true
        var received = 0
        subject.onData = { me, data in
            received += data.byteCount
            if received > total / 2 { #expect(me.transport.bufferEvent != nil) }
            me.transport.write(data)
        }
        let outcome = try StreamKind.tcp4.run(subject, receiveBuffer: 4096) { peer in
            let sender = ScriptThread {
                guard (try? peer.send(total, of: .reference)) != nil else { return }
                peer.finishSending()
            }
            defer { sender.join() }
            let count = try peer.receiveToEnd(comparingWith: .reference)
            #expect(count == total)
        }
        #expect(outcome.peerError == nil)
        #expect(subject.reason is ConnectionDone)
    }

    @Test("I2, P4: asked for while paused, it leaves the connection paused; what came follows on resume")
    func paused() throws {
        let subject = Recorder()
        let hasSent = Handoff()
        subject.onMade = { me in
            me.reactor.callLater(.zero) {
                me.transport.pauseProducing()
                #expect(me.transport.bufferEvent != nil)
                me.transport.write("paused")
                me.reactor.deferToThread { hasSent.wait() }.addCallback { _ in
                    #expect(me.received.isEmpty)
                    me.transport.resumeProducing()
                }
            }
        }
        let outcome = try StreamKind.tcp4.run(subject) { peer in
            _ = try peer.receive(6)
            try peer.send("unread")
            peer.finishSending()
            hasSent.finish(true)
            _ = try peer.receiveToEnd()
        }
        #expect(outcome.peerError == nil)
        #expect(subject.receivedText == "unread")
        #expect(subject.reason is ConnectionDone)
    }

    @Test("S3: a timeout that C sets ends the connection with ETIMEDOUT")
    func timeout() throws {
        let subject = Recorder()
        subject.onMade = { me in
            var limit = timeval(tv_sec: 0, tv_usec: 10_000)
            bufferevent_set_timeouts(me.transport.bufferEvent, &limit, nil)
        }
        try StreamKind.tcp4.run(subject) { peer in #expect(peer.waitForEnd() == 0) }
        #expect((subject.reason as? ConnectionLost)?.errno == ETIMEDOUT)
    }

    @Test("I2: there is one while there is something to send by; of what is no socket there is none")
    func whereThereIsNone() throws {
        let subject = Recorder()
        #expect(subject.transport.bufferEvent == nil)
        var last: OpaquePointer?
        subject.onMade = { me in
            last = me.transport.bufferEvent
            #expect(last != nil && me.transport.bufferEvent == last)
            me.transport.loseConnection()
            #expect(me.transport.bufferEvent == last)
        }
        subject.onLost = { me in #expect(me.transport.bufferEvent == nil) }
        try StreamKind.tcp4.run(subject) { peer in _ = peer.waitForEnd() }
        #expect(subject.losses == 1)
    }
}
