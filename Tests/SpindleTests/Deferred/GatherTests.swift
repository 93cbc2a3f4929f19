import Spindle
import Testing

/// Rule D4 of the contract: `gather`, all values or the first failure.
@Suite(.ownThreads) struct GatherTests {
    struct Refusal: Error, Equatable, CustomStringConvertible {
        var description = "refusal"
    }
    struct Named: Error, Equatable {
        let index: Int
    }

    init() { ProcessLog.install() }

    @Test("D4: the values come in the order of the Deferreds, whatever the order in which they fire")
    func order() throws {
        let inputs = (0..<4).map { _ in Deferred<String>() }
        let all = gather(inputs)
        for index in [2, 0, 3, 1] {
            #expect(!all.hasFired)
            try inputs[index].callback("\(index)")
        }
        #expect(try all.result?.get() == ["0", "1", "2", "3"])
    }

    @Test("D4: Deferreds that have fired already are gathered at once")
    func firedBefore() throws {
        #expect(try gather([Deferred(.success(1)), Deferred(.success(2))]).result?.get() == [1, 2])
    }

    @Test("D4: with nothing to gather the empty list is there at once")
    func empty() throws {
        #expect(try gather([Deferred<Int>]()).result?.get() == [])
    }

    @Test("D4: values that are nil are values")
    func optionals() throws {
        let values = try gather([Deferred<Int?>(.success(nil)), Deferred(.success(1))]).result?.get()
        #expect(values == [nil, 1])
    }

    @Test("D4: one Deferred may be gathered twice")
    func same() throws {
        let input = Deferred<Int>()
        let all = gather([input, input])
        try input.callback(3)
        #expect(try all.result?.get() == [3, 3])
    }

    @Test("D4: the first failure is the outcome at once, as it is; the others go on", arguments: [false, true])
    func failure(firedBefore: Bool) throws {
        var cancelled = false
        let failing = Deferred<Int>()
        let other = Deferred<Int>(canceller: { _ in cancelled = true })
        if firedBefore { try failing.errback(Refusal()) }
        let all = gather([other, failing])
        if !firedBefore { try failing.errback(Refusal()) }
        #expect(throws: Refusal.self) { try all.result?.get() }
        #expect(!cancelled && !other.hasFired)
        try other.callback(1)
        all.addErrback { _ in [] }
    }

    @Test("D4: the closure given makes the error of the one that failed, which it is told by its number")
    func described() throws {
        let inputs = (0..<3).map { _ in Deferred<Int>() }
        let all = gather(inputs) { index, error in
            #expect(error is Refusal)
            return Named(index: index)
        }
        try inputs[1].errback(Refusal())
        #expect(throws: Named(index: 1)) { try all.result?.get() }
        all.addErrback { _ in [] }
    }

    @Test("D4: cancelSiblings cancels the others when one fails, and once", arguments: [0, 1, 2])
    func siblings(failing: Int) throws {
        var cancels = [0, 0, 0]
        let inputs = (0..<3).map { index in Deferred<Int>(canceller: { _ in cancels[index] += 1 }) }
        let all = gather(inputs, cancelSiblings: true)
        try withExtendedLifetime(inputs) { try inputs[failing].errback(Refusal()) }
        var expected = [1, 1, 1]
        expected[failing] = 0
        #expect(cancels == expected)
        #expect(throws: Refusal.self) { try all.result?.get() }
        all.addErrback { _ in [] }
    }

    @Test("D4: cancelSiblings reaches those that come after one that had failed before")
    func siblingsOfFailed() {
        var cancels = 0
        let pending = Deferred<Int>(canceller: { _ in cancels += 1 })
        let all = gather([Deferred(.failure(Refusal())), pending], cancelSiblings: true)
        #expect(cancels == 1 && pending.hasFired)
        all.addErrback { _ in [] }
    }

    // MARK: - Cancelling

    @Test("D4: cancelling cancels all that have not fired, and fails with CancelledError")
    func cancelling() throws {
        var cancels = [0, 0, 0]
        let inputs = (0..<3).map { index in Deferred<Int>(canceller: { _ in cancels[index] += 1 }) }
        let all = gather(inputs)
        try inputs[1].callback(1)
        withExtendedLifetime(inputs) { all.cancel() }
        #expect(cancels == [1, 0, 1])
        #expect(throws: CancelledError.self) { try all.result?.get() }
        all.cancel()
        #expect(cancels == [1, 0, 1])
    }

    @Test("D4: cancellers that all supply values make the gathering succeed")
    func cancellersSupply() throws {
        let inputs = (0..<2).map { index in Deferred<Int>(canceller: { try? $0.callback(index) }) }
        let all = gather(inputs)
        withExtendedLifetime(inputs) { all.cancel() }
        #expect(try all.result?.get() == [0, 1])
    }

    @Test("D2, D4: after cancelling one late result of each is ignored")
    func lateResults() throws {
        let inputs = (0..<2).map { _ in Deferred<Int>() }
        let all = gather(inputs)
        all.cancel()
        for input in inputs {
            try input.callback(1)
            #expect(throws: AlreadyCalledError.self) { try input.callback(2) }
        }
        #expect(throws: CancelledError.self) { try all.result?.get() }
    }

    @Test("D4: cancelling what hangs on the gathering cancels what is gathered, through its chains")
    func cancellingThroughChain() throws {
        var cancels = 0
        let source = Deferred<Int>(canceller: { _ in cancels += 1 })
        let end = gather([source.addCallback { $0 + 1 }]).addCallback { $0.count }.addErrback { _ in -1 }
        end.cancel()
        #expect(cancels == 1)
        #expect(try end.result?.get() == -1)
    }

    // MARK: - What becomes of errors

    @Test(
        "D3, D4: failures after the first are logged as unhandled, unless they are consumed", arguments: [false, true])
    func laterFailures(consumed: Bool) throws {
        let marker = "log-gather-\(consumed)"
        try {
            let inputs = (0..<3).map { _ in Deferred<Int>() }
            gather(inputs, consumeErrors: consumed).addErrback { _ in [] }
            for (index, input) in inputs.enumerated() { try input.errback(Refusal(description: "\(marker)-\(index)")) }
        }()
        let logged = ProcessLog.entries(with: marker).map(\.text)
        #expect(logged.count == (consumed ? 0 : 2))
        #expect(!logged.contains { $0.contains("\(marker)-0") })
    }

    @Test("D3, D4: a later failure that somebody takes from its own Deferred is not logged")
    func laterFailureTaken() throws {
        try {
            let inputs = (0..<2).map { _ in Deferred<Int>() }
            gather(inputs).addErrback { _ in [] }
            inputs[1].addErrback { _ in 0 }
            for input in inputs { try input.errback(Refusal(description: "log-gather-taken")) }
        }()
        #expect(ProcessLog.entries(with: "log-gather-taken").isEmpty)
    }

    @Test("D3, D4: a failure of the gathering that nobody takes is logged once, with the place of the call")
    func unhandled() throws {
        let input = Deferred<Int>()
        let line: UInt = #line + 1
        _ = gather([input])
        try input.errback(Refusal(description: "log-gather-unhandled"))
        let logged = ProcessLog.entries(with: "log-gather-unhandled").map(\.text)
        #expect(logged.count == 1)
        #expect(logged.first?.contains("GatherTests.swift:\(line)") == true)
    }

    @Test("D4: what never fires is released, and the gathering with it")
    func released() {
        weak var input: Deferred<Int>?
        weak var all: Deferred<[Int]>?
        do {
            let inputs = (0..<2).map { _ in Deferred<Int>() }
            input = inputs[1]
            let gathered = gather(inputs)
            all = gathered
            gathered.addCallback { _ in }
            #expect(input != nil && all != nil)
            withExtendedLifetime((inputs, gathered)) {}
        }
        #expect(input == nil)
        #expect(all == nil)
    }
}
