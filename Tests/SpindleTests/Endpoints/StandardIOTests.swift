import Glibc
import Spindle
import Testing

/// StandardIOEndpoint, on pipes and files of the test's own in the place of standard input and output.
@Suite(.ownThreads) struct StandardIOTests {
    @Test("what comes in on one pipe goes out on the other; the end of input is the end")
    func echo() throws {
        let (input, output) = (try PipeEnds(), try PipeEnds())
        let flags = fcntl(input.reading, F_GETFL)
        let received = Lock<[UInt8]>([])
        let subject = Recorder.echo()
        try StandardIO.run(subject, input.reading, output.writing) {
            input.write("hello")
            input.closeWriting()
            received.withLock { $0 = output.readToEnd() }
        }
        #expect(received.withLock { $0 } == Array("hello".utf8))
        #expect(subject.reason is ConnectionDone)
        // Others who have them open notice nothing.
        #expect(fcntl(input.reading, F_GETFL) == flags)
        input.closeReading()
        output.closeReading()
        output.closeWriting()
    }

    @Test("W3: a large output is flushed to a slow reader before the end")
    func largeOutput() throws {
        let (input, output) = (try PipeEnds(), try PipeEnds())
        let received = Lock(0)
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write([UInt8](repeating: 3, count: 8 << 20))
            me.transport.write("!")
            me.transport.loseConnection()
        }
        try StandardIO.run(subject, input.reading, output.writing) {
            received.withLock { $0 = output.readToEnd().count }
        }
        #expect(received.withLock { $0 } == (8 << 20) + 1)
        #expect(subject.reason is ConnectionDone)
        for ends in [input, output] { ends.closeReading(); ends.closeWriting() }
    }

    @Test(
        "W6: a HalfCloseProtocol goes on writing after the end of input, and reading after that of output",
        arguments: [true, false])
    func halfClose(inputEndsFirst: Bool) throws {
        let (input, output) = (try PipeEnds(), try PipeEnds())
        let subject = HalfCloseRecorder()
        if inputEndsFirst {
            subject.onReadLost = { me in
                me.transport.write("goodbye")
                me.transport.loseConnection()
            }
        } else {
            subject.onMade = { me in
                me.transport.write("goodbye")
                me.transport.loseWriteConnection()
            }
        }
        let received = Lock<[UInt8]>([])
        try StandardIO.run(subject, input.reading, output.writing) {
            if inputEndsFirst { input.closeWriting() }
            received.withLock { $0 = output.readToEnd() }
            guard !inputEndsFirst else { return }
            input.write("still read")
            input.closeWriting()
        }
        #expect(received.withLock { $0 } == Array("goodbye".utf8))
        #expect(subject.ends == (inputEndsFirst ? ["read", "lost"] : ["write", "read", "lost"]))
        #expect(subject.receivedText == (inputEndsFirst ? "" : "still read"))
        for ends in [input, output] { ends.closeReading() }
        output.closeWriting()
    }

    @Test("W6: an answer that comes long after the end of input arrives", arguments: ["pipe", "file", "/dev/null"])
    func lateAnswer(kind: String) throws {
        try TemporaryDirectory.with { directory in
            let (pipe, output) = (try PipeEnds(), try PipeEnds())
            let path = kind == "file" ? directory.file("source") : kind
            if kind == "file" { close(open(path, O_CREAT | O_WRONLY, 0o600)) }
            let input = kind == "pipe" ? pipe.reading : open(path, O_RDONLY)
            let subject = HalfCloseRecorder()
            subject.onReadLost = { me in
                me.reactor.callLater(.milliseconds(30)) {
                    me.transport.write("at last")
                    me.transport.loseConnection()
                }
            }
            let received = Lock<[UInt8]>([])
            try StandardIO.run(subject, input, output.writing) {
                pipe.closeWriting()
                received.withLock { $0 = output.readToEnd() }
            }
            #expect(received.withLock { $0 } == Array("at last".utf8))
            #expect(subject.ends == ["read", "lost"])
            #expect(subject.reason is ConnectionDone)
            if kind != "pipe" { close(input) }
            pipe.closeReading()
            output.closeReading()
            output.closeWriting()
        }
    }

    @Test("S9: writing to a reader who has gone is ConnectionLost with EPIPE")
    func brokenPipe() throws {
        let (input, output) = (try PipeEnds(), try PipeEnds())
        output.closeReading()
        let subject = Recorder()
        subject.onMade = { me in me.transport.write("anybody?") }
        try StandardIO.run(subject, input.reading, output.writing) {}
        #expect((subject.reason as? ConnectionLost)?.errno == EPIPE)
        input.closeReading()
        input.closeWriting()
        output.closeWriting()
    }

    @Test(
        "S7: a paused one learns of the end of input if nothing is unread, and otherwise on resume",
        arguments: [true, false])
    func paused(unread: Bool) throws {
        let (input, output) = (try PipeEnds(), try PipeEnds())
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.pauseProducing()
            if unread { me.reactor.callLater(.milliseconds(30)) { me.transport.resumeProducing() } }
        }
        try StandardIO.run(subject, input.reading, output.writing) {
            if unread { input.write("unread") }
            input.closeWriting()
        }
        #expect(subject.receivedText == (unread ? "unread" : ""))
        #expect(subject.reason is ConnectionDone)
        input.closeReading()
        output.closeReading()
        output.closeWriting()
    }

    @Test("regular files and /dev/null will do as well", arguments: ["file", "/dev/null"])
    func files(kind: String) throws {
        try TemporaryDirectory.with { directory in
            let contents = [UInt8](repeating: 65, count: 300_000)
            let source = directory.file("source")
            let target = directory.file("target")
            let setUp = open(source, O_CREAT | O_WRONLY, 0o600)
            _ = contents.withUnsafeBytes { write(setUp, $0.baseAddress, $0.count) }
            close(setUp)
            let input = open(kind == "file" ? source : kind, O_RDONLY)
            let output = open(target, O_CREAT | O_WRONLY, 0o600)
            // A shell may have read some of it: that is not read again.
            if kind == "file" { lseek(input, 100_000, SEEK_SET) }
            let subject = Recorder.echo()
            try StandardIO.run(subject, input, output) {}
            let expected = kind == "file" ? 200_000 : 0
            #expect(subject.received.count == expected)
            #expect(subject.reason is ConnectionDone)
            var status = stat()
            stat(target, &status)
            #expect(status.st_size == expected)
            close(input)
            close(output)
        }
    }

    @Test("one socket for both, as inetd has it, is an ordinary connection")
    func inetd() throws {
        let (ours, peer) = try Peer.pair()
        let subject = Recorder.echo()
        let second = dup(ours.descriptor)
        try StandardIO.run(subject, ours.descriptor, second) {
            try? peer.send("hello")
            #expect((try? peer.receiveText(5)) == "hello")
            peer.finishSending()
        }
        #expect(subject.reason is ConnectionDone)
        close(second)
    }

    @Test("E1: a descriptor that is not open is an error that names it; a refusal is NoProtocol; a port serves once")
    func errors() throws {
        let reactor = try Reactor(options: .forTests)
        let (input, output) = (try PipeEnds(), try PipeEnds())
        var failures: [any Error] = []
        var port: ListeningPort?
        StandardIOEndpoint(reactor, input: 9999, output: output.writing).connect(Factory { Recorder() })
            .addErrback { error -> Void in failures.append(error) }
        StandardIOEndpoint(reactor, input: input.reading, output: 9998).connect(Factory { Recorder() })
            .addErrback { error -> Void in failures.append(error) }
        StandardIOEndpoint(reactor, input: input.reading, output: output.writing).connect(Factory { nil })
            .addErrback { error -> Void in failures.append(error) }
        reactor.callLater(.milliseconds(1)) {
            let (second, third) = (try PipeEnds(), try PipeEnds())
            StandardIOEndpoint(reactor, input: second.reading, output: third.writing).listen(Factory { Recorder() })
                .addCallback { listening in
                    port = listening
                    for ends in [second, third] {
                        ends.closeReading()
                        ends.closeWriting()
                    }
                    try reactor.stop()
                }
        }
        try reactor.runWatched()
        let refused = failures.compactMap { $0 as? CannotAdoptError }
        #expect(refused.map(\.descriptor) == [9999, 9998])
        #expect(refused.allSatisfy { $0.errno == EBADF })
        #expect(failures.last is NoProtocol)
        #expect(port?.isListening == false)
        #expect(port?.address.family == .unix && port?.address.host == "")
        let error = #expect(throws: CannotListenError.self) { try port?.startListening() }
        #expect(error?.reason == "standard input and output serve one connection")
        for ends in [input, output] {
            ends.closeReading()
            ends.closeWriting()
        }
    }
}
