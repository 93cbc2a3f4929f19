import Spindle
import Testing

/// D3 of the contract, on a reactor's thread.
@Suite(.ownThreads) struct UnhandledFailureTests {
    @Test("D3: a failure that nobody handled goes to the logger of the reactor whose callback lets go of it")
    func logger() throws {
        let log = CapturedLog()
        let reactor = try Reactor(options: log.options)
        let line: UInt = #line + 2
        reactor.callWhenRunning {
            _ = Deferred<Int>(.failure(NoProtocol()))
            try reactor.stop()
        }
        try reactor.runWatched()
        let lines = log.lines.filter { $0.contains("unhandled error in Deferred") }
        #expect(lines.count == 1)
        #expect(lines.first?.contains("UnhandledFailureTests.swift:\(line): \(NoProtocol())") == true)
    }
}
