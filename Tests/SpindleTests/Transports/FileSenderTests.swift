import Glibc
import Spindle
import Testing

/// FileSender, on every transport.
@Suite(.ownThreads) struct FileSenderTests {
    /// Not a multiple of anything.
    private static let contents: [UInt8] = (0..<5_000_003).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

    private func withFile(_ contents: [UInt8] = contents, _ body: (String) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let path = directory.file("contents")
        let descriptor = open(path, O_CREAT | O_WRONLY, 0o600)
        var written = 0
        while written < contents.count {
            written += contents.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, $0.count - written) }
        }
        close(descriptor)
        try body(path)
    }

    @Test("a file arrives whole, in its place among what is written", arguments: StreamKind.allCases)
    func whole(kind: StreamKind) throws {
        try withFile { path in
            let subject = Recorder()
            var progress: [Int] = []
            var result: Int?
            subject.onMade = { me in
                me.transport.write("before ")
                let sender = try FileSender(path: path)
                #expect(sender.count == Self.contents.count)
                sender.beginFileTransfer(to: me.transport) { progress.append($0) }.addCallback { total in
                    result = total
                    me.transport.write(" after")
                    me.transport.loseConnection()
                }
            }
            let outcome = try kind.run(subject, receiveBuffer: 16_384) { peer in
                let all = try peer.receiveToEnd()
                #expect(all == Array("before ".utf8) + Self.contents + Array(" after".utf8))
            }
            #expect(outcome.peerError == nil)
            #expect(result == Self.contents.count)
            #expect(progress.count >= 5)
            #expect(progress == progress.sorted())
            #expect(progress.last == Self.contents.count)
        }
    }

    @Test(
        "part of a file, by a descriptor that is closed at once; loseConnection waits for it",
        arguments: StreamKind.allCases)
    func part(kind: StreamKind) throws {
        try withFile { path in
            let subject = Recorder()
            subject.onMade = { me in
                let descriptor = open(path, O_RDONLY)
                let sender = try FileSender(descriptor: descriptor, offset: 1_000_001, count: 2_000_000)
                close(descriptor)
                sender.beginFileTransfer(to: me.transport)
                me.transport.loseConnection()
            }
            let outcome = try kind.run(subject) { peer in
                let all = try peer.receiveToEnd()
                #expect(all == Array(Self.contents[1_000_001..<3_000_001]))
            }
            #expect(outcome.peerError == nil)
            #expect(subject.reason is ConnectionDone)
        }
    }

    @Test("an empty file is sent at once", arguments: StreamKind.allCases)
    func empty(kind: StreamKind) throws {
        try withFile([]) { path in
            let subject = Recorder()
            var result: Int?
            subject.onMade = { me in
                try FileSender(path: path).beginFileTransfer(to: me.transport).addCallback { total in
                    result = total
                    me.transport.loseConnection()
                }
            }
            try kind.run(subject) { peer in #expect(peer.waitForEnd() == 0) }
            #expect(result == 0)
        }
    }

    @Test(
        "a file that is cut short while it is sent is an error, and the connection goes on",
        arguments: StreamKind.allCases)
    func shrinks(kind: StreamKind) throws {
        try withFile { path in
            let subject = Recorder()
            let isCut = Handoff()
            var failure: (any Error)?
            subject.onMade = { me in
                try FileSender(path: path).beginFileTransfer(to: me.transport).addErrback { error -> Void in
                    failure = error
                    me.transport.write("sorry")
                    me.transport.loseConnection()
                }
                // The first piece is with the bufferevent in the next pass, and more than fits the kernel.
                me.reactor.callLater(.milliseconds(20)) {
                    truncate(path, 10)
                    isCut.finish(true)
                }
            }
            let outcome = try kind.run(subject, receiveBuffer: 4096) { peer in
                #expect(isCut.wait())
                let all = try peer.receiveToEnd()
                #expect(String(decoding: all.suffix(5), as: UTF8.self) == "sorry")
                #expect(all.count < Self.contents.count)
            }
            #expect(outcome.peerError == nil)
            #expect((failure as? FileShrankError)?.size == 10)
            #expect((failure as? FileShrankError)?.expected == Self.contents.count)
            #expect(subject.reason is ConnectionDone)
        }
    }

    @Test("a lost connection stops it, saying how far it came", arguments: StreamKind.allCases)
    func lost(kind: StreamKind) throws {
        try withFile { path in
            let subject = Recorder()
            var failure: (any Error)?
            subject.onMade = { me in
                try FileSender(path: path).beginFileTransfer(to: me.transport).addErrback { error -> Void in
                    failure = error
                }
            }
            try kind.run(subject, receiveBuffer: 4096) { peer in
                _ = try peer.receive(1000)
                peer.reset()
            }
            let stopped = try #require(failure as? FileTransferStopped)
            #expect(stopped.count == Self.contents.count)
            #expect(stopped.sent < stopped.count)
        }
    }

    @Test("cancelling ends it, and the transport is free for another producer", arguments: StreamKind.allCases)
    func cancelled(kind: StreamKind) throws {
        try withFile { path in
            let subject = Recorder()
            var failure: (any Error)?
            subject.onMade = { me in
                let transfer = try FileSender(path: path).beginFileTransfer(to: me.transport)
                transfer.addErrback { error -> Void in failure = error }
                let second = try FileSender(path: path).beginFileTransfer(to: me.transport)
                #expect(second.hasFired)
                second.addErrback { error -> Void in #expect(error is ProducerAlreadyRegistered) }
                transfer.cancel()
                try FileSender(path: path).beginFileTransfer(to: me.transport)
                me.transport.loseConnection()
            }
            let outcome = try kind.run(subject) { peer in
                let all = try peer.receiveToEnd()
                #expect(all == Self.contents)
            }
            #expect(outcome.peerError == nil)
            #expect(failure is CancelledError)
        }
    }

    @Test("what is no regular file, or too short, is refused by name of the file and the reason")
    func refused() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let (folder, missing) = (directory.file("."), directory.file("missing"))
        expect(.path(folder), EINVAL, "cannot send \(folder): it is not a regular file") {
            try FileSender(path: folder)
        }
        expect(.path(missing), ENOENT, "cannot send \(missing): No such file or directory") {
            try FileSender(path: missing)
        }
        var ends: [CInt] = [-1, -1]
        pipe(&ends)
        expect(.descriptor(ends[0]), EINVAL, "cannot send descriptor \(ends[0]): it is not a regular file") {
            try FileSender(descriptor: ends[0])
        }
        ends.forEach { close($0) }
        expect(.descriptor(-1), EBADF, "cannot send descriptor -1: Bad file descriptor") {
            try FileSender(descriptor: -1)
        }
        try withFile([1, 2, 3]) { path in
            let descriptor = open(path, O_RDONLY)
            defer { close(descriptor) }
            let (negative, short) = ("offset and count cannot be negative", "it has only 3 bytes")
            let cases = [
                (-1, 1, negative), (0, -1, negative), (4, 0, short), (2, 2, short), (Int.max, 1, short),
                (1, Int.max, short),
            ]
            for (offset, count, reason) in cases {
                expect(.descriptor(descriptor), ERANGE, "cannot send descriptor \(descriptor): \(reason)") {
                    try FileSender(descriptor: descriptor, offset: offset, count: count)
                }
            }
        }
    }

    private func expect(
        _ file: CannotSendFileError.File, _ errno: Int32, _ description: String, _ make: () throws -> FileSender
    ) {
        let error = #expect(throws: CannotSendFileError.self) { try make() }
        #expect(error?.file == file)
        #expect(error?.errno == errno)
        #expect(error?.description == description)
    }
}
