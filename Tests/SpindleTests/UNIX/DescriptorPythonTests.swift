import Glibc
import Spindle
import Testing

/// Rule X2 of the contract, with Python's idea of how descriptors are sent and received at the other end.
@Suite(.ownThreads) struct DescriptorPythonTests {
    @Test("X2: what Python sends arrives", arguments: [true, false])
    func receiving(directIO: Bool) throws {
        try NumberedFiles.with { files in
            let path = files.directory.file("socket")
            let script = """
                import os, socket, sys
                peer = socket.socket(socket.AF_UNIX)
                peer.connect(sys.argv[1])
                peer.sendall(b"before ")
                descriptors = [os.open(sys.argv[2] + str(n), os.O_CREAT | os.O_RDWR) for n in range(6)]
                socket.send_fds(peer, [b"three ", b"pieces "], descriptors[:3])
                socket.send_fds(peer, [b"one "], descriptors[3:4])
                peer.sendall(b"none ")
                socket.send_fds(peer, [b"two"], descriptors[4:])
                """
            let subject = DescriptorRecorder(files)
            try serve(subject, path, directIO, script, files.directory.file("file-"))
            #expect(subject.numbers == Array(0..<6))
            #expect(subject.receivedText == "before three pieces one none two")
            let places = [7, 7, 7, 20, 29, 29]
            for (place, arrival) in zip(places, subject.arrivals) { #expect(arrival.bytesBefore <= place) }
            #expect(files.openCount == 0)
        }
    }

    @Test("X2: what is sent arrives at Python", arguments: [true, false])
    func sending(directIO: Bool) throws {
        try NumberedFiles.with { files in
            let path = files.directory.file("socket")
            let script = """
                import os, socket, sys
                peer = socket.socket(socket.AF_UNIX)
                peer.connect(sys.argv[1])
                data, names = b"", []
                while True:
                    some, descriptors, flags, _ = socket.recv_fds(peer, 1000, 16)
                    assert not flags & socket.MSG_CTRUNC
                    if not some:
                        break
                    data += some
                    for descriptor in descriptors:
                        names.append(os.readlink(f"/proc/self/fd/{descriptor}"))
                        # Open for as long as this process: only numbers of its own would be that.
                        os.write(descriptor, b"%d" % len(names))
                print(len(data), data.count(b"#"), ",".join(name.rsplit("-", 1)[1] for name in names), flush=True)
                sys.stdin.read()
                """
            let subject = Recorder()
            subject.onMade = { me in
                for number in 0..<20 {
                    me.transport.write([UInt8](repeating: 46, count: number * 5000))
                    let descriptor = files.open(number)
                    try me.transport.sendFileDescriptor(descriptor, with: "#")
                    close(descriptor)
                }
                me.transport.loseConnection()
            }
            let peer = try serve(subject, path, directIO, script)
            let numbers = (0..<20).map(String.init).joined(separator: ",")
            #expect(try peer.readLine() == "\((0..<20).reduce(0) { $0 + $1 * 5000 + 1 }) 20 \(numbers)")
            #expect(subject.reason is ConnectionDone)
            #expect(files.openCount == 0)
        }
    }

    /// Runs `subject` as a server's only connection, until that is lost, to a Python program that connects.
    @discardableResult
    private func serve(
        _ subject: Recorder, _ path: String, _ directIO: Bool, _ script: String, _ argument: String = ""
    ) throws -> PythonPeer {
        var options = Reactor.Options.forTests
        options.directIO = directIO
        let reactor = try Reactor(options: options)
        var next: Recorder? = subject
        try reactor.listenUNIX(path, Factory { next.take() })
        subject.whenLost = { [unowned reactor] in try? reactor.stop() }
        let peer = try PythonPeer(script, path, argument)
        try reactor.runWatched()
        return peer
    }
}
