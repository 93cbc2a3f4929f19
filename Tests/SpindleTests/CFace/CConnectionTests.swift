import CSpindle
import Glibc
import Spindle
import Testing

/// Connections as C has them: what spindle.h says of them, on libspindle's own loop. The rest, of what is written in C, is in
/// Examples/CInterop.
@Suite(.ownThreads) struct CConnectionTests {
    @Test("S1, S3: an exchange, from connecting to the end, over TCP and UNIX sockets", arguments: [false, true])
    func exchange(isUNIX: Bool) throws {
        let loop = try CLoop()
        let (server, client) = (CRecorder(), CRecorder())
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let listening = loop.listen(server, isUNIX ? "unix:\(directory.path)/s" : "tcp:0:interface=127.0.0.1")
        var addresses: [String] = []
        server.onReceived = { [unowned server] connection in
            _ = server.received.withUnsafeBytes { spindle_write(connection, $0.baseAddress, $0.count) }
        }
        client.onConnected = { connection in
            addresses = [text { spindle_peer(connection, $0, $1) }, text { spindle_host(connection, $0, $1) }]
            #expect(spindle_descriptor(connection) > 2)
            #expect(spindle_write(connection, "hello", 5) == 0)
        }
        client.onReceived = { spindle_close($0) }
        client.onLost = { loop.stop() }
        let number = spindle_port_number(listening.port)
        let made = loop.connect(client, isUNIX ? "unix:\(directory.path)/s" : "tcp:127.0.0.1:\(number)")
        #expect(client.events.isEmpty)
        loop.run()
        #expect(made == client.connection)
        #expect(client.events == ["connected", "lost 0: connection was closed cleanly"])
        #expect(server.events == client.events)
        #expect(client.received == Array("hello".utf8))
        #expect(addresses[0] == listening.address)
        #expect(isUNIX ? number == 0 : addresses[1].hasPrefix("127.0.0.1:"))
        loop.free()
    }

    @Test("S3: the codes and texts of `lost`")
    func reasons() throws {
        let loop = try CLoop()
        let recorders = (0..<5).map { _ in CRecorder() }
        defer { for recorder in recorders { recorder.onLost = {} } }
        for recorder in recorders {
            recorder.onLost = { if recorders.allSatisfy({ $0.events.last?.hasPrefix("lost") == true }) { loop.stop() } }
        }
        let port = spindle_port_number(loop.listen(recorders[0]).port)
        recorders[0].onReceived = { spindle_abort($0) }
        recorders[1].onConnected = { spindle_write($0, "?", 1) }
        _ = loop.connect(recorders[1], "tcp:127.0.0.1:\(port)")
        _ = loop.connect(recorders[2], "tcp6:127.0.0.1:1")
        spindle_close(loop.connect(recorders[3], "tcp:127.0.0.1:\(UnansweredPort.refusing().number)"))
        _ = loop.connect(recorders[4], "tcp:127.0.0.1:\(UnansweredPort.refusing().number)")
        loop.run()
        #expect(recorders[0].events == ["connected", "lost -11: connection was aborted"])
        #expect(
            recorders[1].events == [
                "connected", "lost -10: connection to the other side was lost: Connection reset by peer",
            ])
        #expect(recorders[2].events.last?.hasPrefix("lost -15: cannot look up \"127.0.0.1\"") == true)
        #expect(recorders[3].events.last?.hasPrefix("lost -16: ") == true)
        #expect(recorders[4].events.last?.hasPrefix("lost -12: cannot connect to 127.0.0.1") == true)
        loop.free()
    }

    @Test("P2: a write says when enough waits, and `drained` when there is room again, as often as that happens")
    func flow() throws {
        let loop = try CLoop()
        let (writer, reader) = (CRecorder(), CRecorder())
        // More than the kernel takes is written before the loop goes on.
        let block = [UInt8](repeating: 7, count: 100_000)
        var (written, times) = (0, 0)
        func fill(_ connection: OpaquePointer?) {
            var answer: CInt = 0
            repeat {
                answer = spindle_write(connection, block, block.count)
                written += block.count
            } while answer == 0
            #expect(answer == SPINDLE_FULL)
        }
        writer.onConnected = { connection in
            #expect(spindle_set_marks(connection, 10, 5) == SPINDLE_EINVAL)
            #expect(lastError == "spindle_set_marks: low is 10, high 5")
            #expect(spindle_set_marks(connection, 1000, 50_000) == 0)
            fill(connection)
        }
        writer.onDrained = { connection in
            times += 1
            if times < 3 { fill(connection) } else { spindle_finish_writing(connection) }
        }
        reader.onReadEnded = { spindle_close($0) }
        reader.onLost = { loop.stop() }
        let port = spindle_port_number(loop.listen(reader, halfClose: true).port)
        _ = loop.connect(writer, "tcp:127.0.0.1:\(port)", halfClose: true)
        loop.run()
        #expect(reader.received.count == written)
        #expect(writer.events.filter { $0 == "drained" }.count == 3)
        #expect(reader.events == ["connected", "read ended", "lost 0: connection was closed cleanly"])
        loop.free()
    }

    @Test("W3, P2: a connection that closes when it is full sends everything, and has no `drained` any more")
    func closingWhenFull() throws {
        let loop = try CLoop()
        let (writer, reader) = (CRecorder(), CRecorder())
        let block = [UInt8](repeating: 7, count: 100_000)
        var written = 0
        writer.onConnected = { connection in
            var answer: CInt = 0
            while answer == 0 {
                answer = spindle_write(connection, block, block.count)
                written += block.count
            }
            #expect(answer == SPINDLE_FULL)
            spindle_close(connection)
        }
        reader.onLost = { [unowned writer] in if writer.events.count == 2 { loop.stop() } }
        writer.onLost = { [unowned writer, unowned reader] in
            if writer.events.count == 2, reader.events.count == 2 { loop.stop() }
        }
        _ = loop.connect(writer, "tcp:127.0.0.1:\(spindle_port_number(loop.listen(reader).port))")
        loop.run()
        #expect(reader.received.count == written)
        #expect(writer.events == ["connected", "lost 0: connection was closed cleanly"])
        #expect(reader.events == writer.events)
        loop.free()
    }

    @Test("W3: nothing is written, and nothing received, after spindle_close()")
    func closing() throws {
        let loop = try CLoop()
        let recorder = CRecorder()
        recorder.onConnected = { connection in
            #expect(spindle_write(connection, "last", 4) == 0)
            #expect(spindle_write(connection, nil, 0) == 0)
            #expect(spindle_write(connection, nil, 1) == SPINDLE_EINVAL)
            #expect(spindle_close(connection) == 0)
            #expect(spindle_close(connection) == 0)
            #expect(spindle_write(connection, "more", 4) == SPINDLE_ESTATE)
            #expect(lastError == "spindle_write: the connection is closing")
        }
        let port = Int(spindle_port_number(loop.listen(recorder).port))
        let peer = try Peer.connect(to: SocketAddress("127.0.0.1", port: port))
        try peer.send("unheard")
        recorder.onLost = { loop.stop() }
        let reading = Notes<[UInt8]>()
        let script = ScriptThread {
            if let all = try? peer.receiveToEnd() { reading.add(all) }
            peer.close()
        }
        loop.run()
        script.join()
        #expect(reading.all == [Array("last".utf8)])
        #expect(recorder.received.isEmpty)
        loop.free()
    }

    @Test("The user pointer is the listener's until the connection gets one of its own")
    func userPointers() throws {
        let loop = try CLoop()
        let (shared, own) = (CRecorder(), CRecorder())
        shared.onConnected = { [unowned shared] connection in
            #expect(spindle_user(connection) == shared.user)
            #expect(spindle_set_user(connection, own.user) == 0)
            #expect(spindle_user(connection) == own.user)
            spindle_close(connection)
        }
        own.onLost = { loop.stop() }
        let peer = try Peer.connect(
            to: SocketAddress("127.0.0.1", port: Int(spindle_port_number(loop.listen(shared).port))))
        loop.run()
        #expect(shared.events == ["connected"])
        #expect(own.events == ["lost 0: connection was closed cleanly"])
        peer.close()
        loop.free()
    }
}
