import Logging
import Spindle
import SpindleTesting
import Testing

/// Rule D3 of the contract: failures that nobody handled are logged.
///
/// Each test looks for a marker of its own, because all share the process's log.
@Suite(.ownThreads) struct DeferredLogTests {
    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    init() { ProcessLog.install() }

    /// What was logged about `marker`, but for what only somebody who debugs would look at.
    private func loud(_ marker: String) -> [ProcessLog.Entry] {
        ProcessLog.entries(with: marker).filter { $0.level > .debug }
    }

    // MARK: - Unhandled

    @Test("D3: an unhandled failure is logged when the last reference goes, and not before")
    func unhandled() throws {
        var deferred: Deferred<Int>? = Deferred()
        try deferred?.errback(Refusal(description: "log-unhandled"))
        var other = deferred
        deferred = nil
        #expect(loud("log-unhandled").isEmpty)
        #expect(other != nil)
        other = nil
        #expect(loud("log-unhandled").count == 1)
    }

    @Test("D3: an unhandled failure is logged once, as an error, with the place where its Deferred was made")
    func place() throws {
        let line: UInt = #line + 1
        try Deferred<Int>().errback(Refusal(description: "log-place"))
        let entries = loud("log-place")
        #expect(entries.map(\.level) == [.error])
        #expect(entries.first?.text.contains("DeferredLogTests.swift:\(line)") == true)
    }

    @Test("D3: a Deferred made already failed is logged too")
    func madeFailed() {
        let line: UInt = #line + 1
        _ = Deferred<Int>(.failure(Refusal(description: "log-made-failed")))
        #expect(loud("log-made-failed").first?.text.contains("DeferredLogTests.swift:\(line)") == true)
    }

    @Test("D3: a failure that reaches the end of a chain unhandled is logged once")
    func endOfChain() throws {
        let deferred = Deferred<Int>()
        deferred.addCallback { $0 + 1 }.addCallback { $0 + 1 }.addCallback { "\($0)" }
        #expect(loud("log-end-of-chain").isEmpty)
        try deferred.errback(Refusal(description: "log-end-of-chain"))
        #expect(loud("log-end-of-chain").count == 1)
    }

    @Test("D3: the place logged for a chain is that of its last link, where an errback is missing")
    func placeOfChain() throws {
        let deferred = Deferred<Int>()
        let middle = deferred.addCallback { $0 + 1 }
        let line: UInt = #line + 1
        middle.addCallback { $0 + 1 }
        try deferred.errback(Refusal(description: "log-chain-place"))
        let text = loud("log-chain-place").first?.text
        #expect(text?.contains("DeferredLogTests.swift:\(line)") == true, "\(text ?? "nothing logged")")
    }

    @Test("D3: what Spindle's own methods put at the end of a chain has the place of the call")
    func placeOfCall() throws {
        struct Nowhere: StreamClientEndpoint {
            func connect(_ factory: Factory) -> Deferred<Protocol> {
                Deferred(.failure(Refusal(description: "log-call-connect")))
            }
        }
        let clock = FakeClock()
        let line: UInt = #line
        clock.reactor.deferLater(.seconds(1)) { () -> Void in throw Refusal(description: "log-call-later") }
        clock.reactor.cooperator.coiterate(0..<1) { _ -> Void in throw Refusal(description: "log-call-units") }
        Nowhere().connectProtocol(Protocol())
        clock.advance(by: .seconds(1))
        for (offset, marker) in ["later", "units", "connect"].enumerated() {
            let text = loud("log-call-\(marker)").first?.text
            let place = "DeferredLogTests.swift:\(line + 1 + UInt(offset))"
            #expect(text?.contains(place) == true, "\(text ?? "nothing logged")")
        }
    }

    @Test("D3: the place logged for a chain that waits is that of the link that waits")
    func placeOfWaitingChain() throws {
        let deferred = Deferred<Int>()
        let line: UInt = #line + 1
        deferred.addCallback { _ -> Deferred<Int> in throw Refusal(description: "log-waiting-place") }
        try deferred.callback(1)
        let text = loud("log-waiting-place").first?.text
        #expect(text?.contains("DeferredLogTests.swift:\(line)") == true, "\(text ?? "nothing logged")")
    }

    @Test("D3: the place logged for what hangs on a Deferred of the library is in the code that hung it there")
    func placeOfLibrary() throws {
        let reactor = try Reactor(options: ProcessLog.options)
        reactor.stopClock()
        let line: UInt = #line + 1
        reactor.sleep(.zero).addCallback { throw Refusal(description: "log-library-place") }
        reactor.advance(by: .zero)
        let text = loud("log-library-place").first?.text
        #expect(text?.contains("DeferredLogTests.swift:\(line)") == true, "\(text ?? "nothing logged")")
    }

    @Test("D3: what an errback throws is a new failure, which nobody has handled")
    func errbackThrows() throws {
        let deferred = Deferred<Int>()
        deferred.addErrback { _ in throw Refusal(description: "log-second") }
        try deferred.errback(Refusal(description: "log-first"))
        #expect(loud("log-first").isEmpty)
        #expect(loud("log-second").count == 1)
    }

    @Test("D3: reading the result does not count as handling")
    func readingResult() throws {
        try {
            let deferred = Deferred<Int>()
            try deferred.errback(Refusal(description: "log-reading"))
            #expect(deferred.hasFired)
            #expect(throws: Refusal.self) { try deferred.result?.get() }
        }()
        #expect(loud("log-reading").count == 1)
    }

    @Test("D3: an error that spawned code throws and nobody takes is logged with the place of its spawn")
    func spawned() throws {
        let reactor = try Reactor(options: ProcessLog.options)
        let line: UInt = #line + 2
        reactor.callWhenRunning {
            reactor.spawn { throw Refusal(description: "log-spawned") }
            reactor.callLater(.zero) { try reactor.stop() }
        }
        try reactor.run()
        let entries = loud("log-spawned")
        #expect(entries.count == 1)
        #expect(entries.first?.text.contains("DeferredLogTests.swift:\(line)") == true)
    }

    // MARK: - Handled

    @Test("D3: a failure that an errback, a second closure or an addBoth took is not logged")
    func handled() throws {
        for handle: (Deferred<Int>) -> Void in [
            { $0.addErrback { _ in 0 } },
            { $0.addBoth { _ in } },
            { $0.addCallbacks({ _ in }, { _ in }) },
            { $0.addCallback { $0 + 1 }.addCallback { $0 + 1 }.addErrback { _ in 0 } },
        ] {
            let before = Deferred<Int>()
            handle(before)
            try before.errback(Refusal(description: "log-handled"))
            let after = Deferred<Int>()
            try after.errback(Refusal(description: "log-handled"))
            handle(after)
        }
        #expect(ProcessLog.entries(with: "log-handled").isEmpty)
    }

    @Test("D3: the failure of a returned Deferred passes to the chain, which answers for it", arguments: [false, true])
    func handledByChain(firesFirst: Bool) throws {
        let marker = "log-inner-\(firesFirst)"
        try {
            let inner = Deferred<Int>()
            let outer = Deferred<Int>()
            let end = outer.addCallback { _ in inner }
            if firesFirst { try inner.errback(Refusal(description: marker)) }
            try outer.callback(1)
            if !firesFirst { try inner.errback(Refusal(description: marker)) }
            end.addErrback { _ in 0 }
        }()
        #expect(ProcessLog.entries(with: marker).isEmpty)
    }

    @Test("D3: a value, or a failure handled later than it came, is not logged")
    func nothingToLog() throws {
        try {
            let deferred = Deferred<String>()
            try deferred.callback("log-value")
            let failed = Deferred<Int>()
            try failed.errback(Refusal(description: "log-late"))
            failed.addErrback { _ in 0 }
        }()
        #expect(ProcessLog.entries(with: "log-value").isEmpty)
        #expect(ProcessLog.entries(with: "log-late").isEmpty)
    }

    // MARK: - Cancelled

    @Test("D3: a cancellation that nobody asked about is logged at debug at most")
    func cancelled() {
        // An unlikely line number serves as the marker: the error has nothing to tell it by.
        Deferred<Int>(line: 7_700_001).cancel()
        #expect(loud("7700001").isEmpty)
    }

    @Test("D3: a cancellation at the end of a chain is logged at debug at most")
    func cancelledChain() async {
        // In a process of its own, where nobody else logs about a cancellation.
        await #expect(processExitsWith: .success) {
            ProcessLog.install()
            Deferred<Int>().addCallback { $0 + 1 }.addCallback { _ in Deferred<Int>() }.cancel()
            precondition(ProcessLog.entries(with: "").allSatisfy { $0.level <= .debug })
        }
    }

    @Test("D3: what a stopping reactor calls off is no fault, whichever error tells of it")
    func calledOff() {
        let errors: [any Error] = [CancelledError(), CancellationError()]
        for error in errors { _ = Deferred<Int>(.failure(error), line: 7_700_002) }
        #expect(ProcessLog.entries(with: "7700002").map(\.level) == [.debug, .debug])
    }

    @Test("D2, D3: the late failure that is swallowed after cancelling is not logged as unhandled")
    func swallowed() throws {
        try {
            let deferred = Deferred<Int>()
            deferred.addErrback { _ in 0 }
            deferred.cancel()
            try deferred.errback(Refusal(description: "log-swallowed"))
        }()
        #expect(loud("log-swallowed").isEmpty)
    }
}
