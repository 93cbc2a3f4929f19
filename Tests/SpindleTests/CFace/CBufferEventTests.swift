import CLibEvent
import CSpindle
import Glibc
import Testing

@testable import Spindle

/// Bufferevents that C hands to spindle.h. How they go there and back in a program is in Examples/CInterop.
@Suite(.ownThreads) struct CBufferEventTests {
    private let host = HostProgram()
    private let reactor: OpaquePointer?

    init() {
        var made: OpaquePointer?
        #expect(spindle_attach(host.base, nil, &made) == 0)
        reactor = made
    }

    private func adopt(_ raw: OpaquePointer?, _ recorder: CRecorder) -> OpaquePointer? {
        var callbacks = CRecorder.callbacks()
        var connection: OpaquePointer?
        #expect(spindle_adopt_bufferevent(reactor, raw, &callbacks, recorder.user, &connection) == 0, "\(lastError)")
        return connection
    }

    /// A bufferevent that has begun to connect.
    private func connecting(to port: Int) throws -> OpaquePointer? {
        let raw = bufferevent_socket_new(host.base, -1, 0)
        _ = try SocketAddress("127.0.0.1", port: port).withSockaddr { bufferevent_socket_connect(raw, $0, CInt($1)) }
        return raw
    }

    private func end() {
        #expect(spindle_detach(host.base) == 0)
        host.free()
    }

    @Test("S3: an attempt that C has begun and that fails ends with `lost`, and its reason")
    func refused() throws {
        let recorder = CRecorder()
        let connection = try adopt(connecting(to: UnansweredPort.refusing().number), recorder)
        #expect(spindle_write(connection, "x", 1) == SPINDLE_ESTATE)
        #expect(spindle_bufferevent(connection) == nil)
        host.dispatch()
        #expect(recorder.events.count == 1)
        #expect(recorder.events[0].hasPrefix("lost \(SPINDLE_EREFUSED): "))
        #expect(spindle_close(connection) == SPINDLE_EHANDLE)
        end()
    }

    @Test("W5: one that is aborted before it is there ends with `lost`, later")
    func aborted() throws {
        let (listener, port) = try Peer.listener()
        defer { listener.close() }
        let recorder = CRecorder()
        let connection = try adopt(connecting(to: port), recorder)
        #expect(spindle_abort(connection) == 0)
        #expect(recorder.events.isEmpty)
        host.dispatch()
        #expect(recorder.events == ["lost \(SPINDLE_EABORTED): connection was aborted"])
        end()
    }

    @Test("I2: given back while it is still connecting, it connects for C")
    func givenBackEarly() throws {
        let (listener, port) = try Peer.listener()
        defer { listener.close() }
        let recorder = CRecorder()
        let raw = try connecting(to: port)
        let connection = adopt(raw, recorder)
        var returned: OpaquePointer?
        #expect(spindle_detach_bufferevent(connection, nil, 0, nil) == SPINDLE_EINVAL)
        #expect(spindle_detach_bufferevent(connection, nil, 0, &returned) == 0, "\(lastError)")
        #expect(returned == raw)
        bufferevent_write(raw, "C", 1)
        let peer = try listener.accept()
        while evbuffer_get_length(bufferevent_get_output(raw)) > 0 { event_base_loop(host.base, EVLOOP_ONCE) }
        #expect(try peer.receiveText(1) == "C")
        #expect(recorder.events.isEmpty)
        bufferevent_free(raw)
        peer.close()
        end()
    }

    @Test("The reactor's end is the connection's, if it has been there or not")
    func detached() throws {
        let recorder = CRecorder()
        _ = try adopt(connecting(to: UnansweredPort.refusing().number), recorder)
        #expect(spindle_detach(host.base) == 0)
        #expect(recorder.events == ["lost \(SPINDLE_EABORTED): connection was aborted"])
        host.free()
    }

    @Test("What cannot be adopted, or given back, is an error that says why")
    func refusals() throws {
        let (other, recorder) = (HostProgram(), CRecorder())
        var callbacks = CRecorder.callbacks()
        var returned: OpaquePointer?
        let foreign = bufferevent_socket_new(other.base, -1, 0)
        #expect(spindle_adopt_bufferevent(reactor, foreign, &callbacks, nil, nil) == SPINDLE_EINVAL)
        #expect(
            lastError
                == "spindle_adopt_bufferevent: cannot adopt the bufferevent: it is on another event_base than the reactor"
        )
        bufferevent_free(foreign)
        other.free()

        var port: OpaquePointer?
        #expect(spindle_listen(reactor, "tcp:0:interface=127.0.0.1", &callbacks, recorder.user, &port) == 0)
        let peer = try Peer.connect(to: SocketAddress("127.0.0.1", port: Int(spindle_port_number(port))))
        recorder.onConnected = { connection in
            #expect(spindle_detach_bufferevent(connection, nil, 0, &returned) == SPINDLE_ESTATE)
            #expect(
                lastError
                    == "spindle_detach_bufferevent: cannot detach the bufferevent: the transport was not made from one")
            spindle_close(connection)
            spindle_port_close(port)
        }
        host.dispatch()
        #expect(recorder.events == ["connected", "lost 0: connection was closed cleanly"])
        #expect(returned == nil)
        peer.close()
        end()
    }
}
