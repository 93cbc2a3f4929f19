import CSpindle
import Glibc
import Spindle
import SpindleC
import Testing

/// Swift factories that C mounts by name, and what else goes from one language to the other.
@Suite(.ownThreads) struct CFactoryTests {
    @Test("C mounts a registered factory, which gets C's pointer")
    func mounting() throws {
        let number = UnsafeMutablePointer<Int>.allocate(capacity: 1)
        defer { number.deallocate() }
        number.initialize(to: 41)
        SpindleRegistry.register("adder") { _, user in
            guard let number = user?.assumingMemoryBound(to: Int.self) else { throw NoNumber() }
            return Factory {
                number.pointee += 1
                let recorder = Recorder()
                recorder.onMade = {
                    $0.transport.write("\(number.pointee)"); $0.transport.loseConnection()
                }
                return recorder
            }
        }
        let loop = try CLoop()
        var port: OpaquePointer?
        let endpoint = "tcp:0:interface=127.0.0.1"
        #expect(spindle_mount(loop.handle, "adder", endpoint, nil, &port) == SPINDLE_EFACTORY)
        #expect(lastError == "spindle_mount: the factory \"adder\" cannot be made: no number")
        #expect(spindle_mount(loop.handle, "subtracter", endpoint, nil, &port) == SPINDLE_EFACTORY)
        #expect(lastError.hasPrefix("spindle_mount: there is no factory \"subtracter\", only "))
        #expect(spindle_mount(loop.handle, "adder", "nowhere", number, &port) == SPINDLE_EENDPOINT)
        #expect(port == nil)
        #expect(spindle_mount(loop.handle, "adder", endpoint, number, &port) == 0)
        let client = CRecorder()
        client.onLost = { loop.stop() }
        _ = loop.connect(client, "tcp:127.0.0.1:\(spindle_port_number(port))")
        loop.run()
        #expect(client.received == Array("42".utf8))
        loop.free()
    }

    private struct NoNumber: Error, CustomStringConvertible { let description = "no number" }

    @Test("C gets the log, if it asks for it")
    func logging() throws {
        let lines = Notes<String>()
        var options = spindle_options()
        options.size = MemoryLayout<spindle_options>.size
        options.log = { level, text, user in
            Unmanaged<Notes<String>>.fromOpaque(user!).takeUnretainedValue().add("\(level) \(String(cString: text!))")
        }
        options.log_user = Unmanaged.passUnretained(lines).toOpaque()
        SpindleRegistry.register("thrower") { reactor, _ in
            reactor.callLater(.zero) { throw NoNumber() }
            reactor.callLater(.zero) { [unowned reactor] in try reactor.stop() }
            return Factory()
        }
        var reactor: OpaquePointer?
        #expect(spindle_new(&options, &reactor) == 0)
        #expect(spindle_mount(reactor, "thrower", "tcp:0:interface=127.0.0.1", nil, nil) == 0)
        #expect(spindle_run(reactor) == 0)
        #expect(lines.all.contains("0 a delayed call threw: no number"))
        #expect(spindle_free(reactor) == 0)
    }

    @Test("I1: C and Swift find the same reactor on a base, whoever put it there, and either takes it off")
    func sharedReactor() throws {
        let host = HostProgram()
        var handle: OpaquePointer?
        #expect(spindle_attach(host.base, nil, &handle) == 0)
        let reactor = try #require(Reactor.adopted(on: host.base))
        #expect(spindle_event_base(handle) == reactor.eventBase)
        reactor.invalidate()
        #expect(spindle_call_later(handle, 0, { _ in }, nil, nil) == SPINDLE_EHANDLE)
        #expect(lastError.contains("the reactor was invalidated"))
        #expect(spindle_detach(host.base) == SPINDLE_EHANDLE)

        let swifts = try host.adopt()
        var again: OpaquePointer?
        #expect(spindle_attach(host.base, nil, &again) == 0)
        #expect(again != handle)
        #expect(spindle_detach(host.base) == 0)
        #expect(swifts.eventBase == nil)
        #expect(spindle_event_base(again) == nil)
        host.free()
    }
}
