import CLibEvent
import Glibc
import Spindle
import Testing

/// Rule I1: stopping a reactor on an adopted base more than once, and before it began.
@Suite(.ownThreads) struct StoppingAgainTests {
    @Test("I1: a reactor that was stopped and is used again can be stopped again")
    func again() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        for _ in 1...3 {
            let port = try reactor.listenTCP(0, Factory { nil }, interface: "127.0.0.1")
            host.after(milliseconds: 1) { reactor.handle.stop() }
            #expect(host.dispatch() == 1)
            #expect(!port.isListening)
            #expect(!reactor.isRunning)
        }
        reactor.invalidate()
        host.free()
    }

    @Test("I1: a reactor that is invalidated before the loop's first pass does not begin")
    func neverBegan() throws {
        let host = HostProgram()
        let reactor = try host.adopt()
        var begun = false
        reactor.callWhenRunning { begun = true }
        reactor.invalidate()
        #expect(!begun)
        #expect(!reactor.isRunning)
        host.free()
    }
}
