import Glibc
import Spindle
import Testing

/// StandardIOEndpoint where one end is a file, a device or a terminal.
@Suite(.ownThreads) struct StandardIOFileTests {
    private func file(_ directory: TemporaryDirectory, _ size: Int) -> String {
        let path = directory.file("source\(size)")
        let d = open(path, O_CREAT | O_WRONLY, 0o600)
        let bytes = [UInt8](repeating: 7, count: size)
        _ = bytes.withUnsafeBytes { write(d, $0.baseAddress, $0.count) }
        close(d)
        return path
    }

    @Test("P4: pausing in connectionMade, input is a file or /dev/null", arguments: ["file", "/dev/null"])
    func pausedFile(kind: String) throws {
        try TemporaryDirectory.with { directory in
            let input = open(kind == "file" ? file(directory, 1000) : kind, O_RDONLY)
            let output = open("/dev/null", O_WRONLY)
            let subject = Recorder()
            subject.onMade = { me in
                me.transport.pauseProducing()
                me.reactor.callLater(.milliseconds(20)) { me.transport.resumeProducing() }
            }
            try StandardIO.run(subject, input, output)
            #expect(subject.received.count == (kind == "file" ? 1000 : 0))
            #expect(subject.reason is ConnectionDone)
            close(input); close(output)
        }
    }

    @Test(
        "W6: a HalfCloseProtocol goes on after the end, where input is a file or /dev/null",
        arguments: ["file", "/dev/null"])
    func halfClosedFile(kind: String) throws {
        try TemporaryDirectory.with { directory in
            let input = open(kind == "file" ? file(directory, 1000) : kind, O_RDONLY)
            let target = directory.file("target")
            let output = open(target, O_CREAT | O_RDWR, 0o600)
            let subject = HalfCloseRecorder()
            subject.onReadLost = { me in
                me.reactor.callLater(.milliseconds(20)) {
                    me.transport.write("answer")
                    me.transport.loseConnection()
                }
            }
            try StandardIO.run(subject, input, output)
            #expect(subject.reason is ConnectionDone)
            var status = stat()
            stat(target, &status)
            #expect(status.st_size == 6)
            close(input); close(output)
        }
    }

    @Test("R3: pausing and resuming in dataReceived reads a file no faster")
    func pauseResume() throws {
        try TemporaryDirectory.with { directory in
            let input = open(file(directory, 4_000_000), O_RDONLY)
            let output = open("/dev/null", O_WRONLY)
            let subject = Recorder()
            subject.keepsNothing = true
            var perPass: [Int: Int] = [:]
            subject.onData = { me, _ in
                perPass[me.reactor.passes, default: 0] += 1
                me.transport.pauseProducing()
                me.transport.resumeProducing()
            }
            try StandardIO.run(subject, input, output)
            #expect((perPass.values.max() ?? 0) <= 4)
            close(input); close(output)
        }
    }

    @Test("R3: a failed write ends a connection whose input never ends", arguments: ["/dev/zero"])
    func endless(kind: String) throws {
        let input = open(kind, O_RDONLY)
        var ends: [CInt] = [-1, -1]
        pipe(&ends)
        close(ends[0])
        let subject = Recorder()
        subject.keepsNothing = true
        var count = 0
        subject.onData = { me, _ in
            count += 1
            if count == 1 { me.transport.write("x") }
            if count == 100_000 { me.transport.abortConnection() }
        }
        try StandardIO.run(subject, input, ends[1])
        #expect(count < 1000)
        #expect(subject.reason is ConnectionLost)
        close(input); close(ends[1])
    }

    @Test("a FileSender sends to a file, /dev/null and a pipe", arguments: ["file", "/dev/null", "pipe", "append"])
    func sender(kind: String) throws {
        try TemporaryDirectory.with { directory in
            var inputEnds: [CInt] = [-1, -1]
            pipe(&inputEnds)
            var ends: [CInt] = [-1, -1]
            pipe(&ends)
            let source = file(directory, 3_000_000)
            let target = directory.file("target")
            let output =
                switch kind {
                case "file": open(target, O_CREAT | O_RDWR, 0o600)
                case "append": open(target, O_CREAT | O_RDWR | O_APPEND, 0o600)
                case "pipe": ends[1]
                default: open(kind, O_WRONLY)
                }
            let (reading, isPipe) = (ends[0], kind == "pipe")
            let subject = Recorder()
            var result = "none"
            subject.onMade = { me in
                try FileSender(path: source).beginFileTransfer(to: me.transport).addBoth {
                    result = "\($0)"
                    me.transport.loseConnection()
                }
            }
            let total = Lock(0)
            try StandardIO.run(subject, inputEnds[0], output) {
                guard isPipe else { return }
                var buffer = [UInt8](repeating: 0, count: 65536)
                while true {
                    let n = read(reading, &buffer, buffer.count)
                    if n <= 0 { break }
                    total.withLock { $0 += n }
                }
            }
            #expect(result.contains("success"))
            if kind == "pipe" { #expect(total.withLock { $0 } == 3_000_000) }
            if kind == "file" || kind == "append" {
                var status = stat()
                stat(target, &status)
                #expect(status.st_size == 3_000_000)
            }
            if !isPipe { close(ends[1]); close(output) }
            close(ends[0]); close(inputEnds[0]); close(inputEnds[1])
        }
    }

    @Test("S5: input is not read after loseConnection in connectionMade")
    func notEaten() throws {
        var inputEnds: [CInt] = [-1, -1], ends: [CInt] = [-1, -1]
        pipe(&inputEnds)
        pipe(&ends)
        _ = write(inputEnds[1], "hello", 5)
        let reading = ends[0]
        let subject = Recorder()
        subject.onMade = { me in
            me.transport.write([UInt8](repeating: 1, count: 1_000_000))
            me.transport.loseConnection()
        }
        try StandardIO.run(subject, inputEnds[0], ends[1]) {
            var buffer = [UInt8](repeating: 0, count: 65536)
            while read(reading, &buffer, buffer.count) > 0 {}
        }
        var count: CInt = 0
        _ = ioctl(inputEnds[0], UInt(FIONREAD), &count)
        #expect(count == 5)
        for d in inputEnds { close(d) }
        close(ends[0])
    }

    @Test("a terminal", arguments: [false, true])
    func pty(halfClose: Bool) throws {
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var number: CInt = 0
        _ = ioctl(master, 0x4004_5431, &number)
        _ = ioctl(master, 0x8004_5430, &number)
        let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        let subject = halfClose ? HalfCloseRecorder() : Recorder()
        subject.onData = { me, data in me.transport.write("got \(data.byteCount)") }
        (subject as? HalfCloseRecorder)?.onReadLost = { me in
            me.reactor.callLater(.milliseconds(50)) {
                me.transport.write("bye"); me.transport.loseConnection()
            }
        }
        let text = Lock("")
        let last = halfClose ? "bye" : "got 5"
        try StandardIO.run(subject, slave, slave) {
            _ = write(master, "line\n", 5)
            _ = write(master, "\u{04}", 1)
            // What was typed is echoed first; how much of it all comes at a time is the terminal's affair.
            var watched = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
            var buffer = [UInt8](repeating: 0, count: 1000)
            while !text.withLock({ $0.hasSuffix(last) }), poll(&watched, 1, 10_000) == 1 {
                let count = read(master, &buffer, buffer.count)
                guard count > 0 else { return }
                text.withLock { $0 += String(decoding: buffer[..<count], as: UTF8.self) }
            }
        }
        #expect(subject.receivedText == "line\n")
        #expect(text.withLock { $0 } == (halfClose ? "line\r\ngot 5bye" : "line\r\ngot 5"))
        #expect(subject.reason is ConnectionDone)
        close(master)
        close(slave)
    }
}
