import Spindle
import Testing

/// Rule D4 of the contract: `deferredList`, every result.
@Suite(.ownThreads) struct DeferredListTests {
    struct Refusal: Error, CustomStringConvertible {
        var description = "refusal"
    }

    init() { ProcessLog.install() }

    /// The values, and the types of the errors.
    private func summary<Value>(_ list: Deferred<[Result<Value, any Error>]>) throws -> [String]? {
        try list.result?.get().map { result in
            switch result {
            case .success(let value): "\(value)"
            case .failure(let error): "\(type(of: error))"
            }
        }
    }

    @Test("D4: the list has every result, failures included, in the order of the Deferreds")
    func results() throws {
        let inputs = (0..<3).map { _ in Deferred<Int>() }
        let list = deferredList(inputs)
        try inputs[2].callback(2)
        try inputs[1].errback(Refusal())
        #expect(!list.hasFired)
        try inputs[0].callback(0)
        #expect(try summary(list) == ["0", "Refusal", "2"])
    }

    @Test("D4: what had fired before is in the list at once")
    func firedBefore() throws {
        #expect(try summary(deferredList([Deferred(.success(1)), Deferred(.failure(Refusal()))])) == ["1", "Refusal"])
    }

    @Test("D22: a list of nothing is there at once")
    func empty() throws {
        #expect(try summary(deferredList([Deferred<Int>]())) == [])
    }

    @Test("D4: each result is the one at the time the list was made, whatever is added to the Deferred")
    func laterCallbacks() throws {
        let input = Deferred<Int>()
        let list = deferredList([input])
        let later = input.addCallback { $0 + 1 }
        try input.callback(1)
        #expect(try summary(list) == ["1"])
        #expect(try later.result?.get() == 2)
    }

    @Test("D4: what waits for one of the Deferreds is told its failure as well")
    func failurePassesOn() throws {
        let input = Deferred<Int>()
        let list = deferredList([input])
        let other = input.addErrback { $0 is Refusal ? 1 : 2 }
        try input.errback(Refusal())
        #expect(try other.result?.get() == 1)
        #expect(try summary(list) == ["Refusal"])
    }

    @Test("D4: cancelling cancels all that have not fired, which then stand as cancelled in the list")
    func cancelling() throws {
        var cancels = [0, 0]
        let inputs = (0..<2).map { index in Deferred<Int>(canceller: { _ in cancels[index] += 1 }) }
        let list = deferredList(inputs)
        try inputs[0].callback(7)
        withExtendedLifetime(inputs) { list.cancel() }
        #expect(cancels == [0, 1])
        #expect(try summary(list) == ["7", "CancelledError"])
    }

    @Test("D4: a value that a canceller supplies is in the list")
    func cancellerSupplies() throws {
        let inputs = [Deferred<Int>(canceller: { try? $0.callback(5) }), Deferred<Int>()]
        let list = deferredList(inputs)
        withExtendedLifetime(inputs) { list.cancel() }
        #expect(try summary(list) == ["5", "CancelledError"])
    }

    @Test("D4: a list whose Deferred waits again after it was cancelled does not wait for that")
    func cancelledButWaiting() throws {
        let never = Deferred<Int>()
        let sources = [Deferred<Int>(), Deferred<Int>()]
        let list = deferredList([sources[0].addErrback { _ in 0 }, sources[1].addBoth { _ in never }])
        list.cancel()
        #expect(sources.allSatisfy { $0.hasFired })
        #expect(throws: CancelledError.self) { try list.result?.get() }
        #expect(!never.hasFired)
    }

    @Test("D4: cancelling a list that is there does nothing to what it was made of")
    func cancellingFired() throws {
        let input = Deferred<Int>(.success(1))
        let list = deferredList([input])
        list.cancel()
        #expect(try summary(list) == ["1"])
    }

    @Test("D3, D4: failures are answered for by being in the list: none is logged")
    func notLogged() throws {
        try {
            let inputs = (0..<2).map { _ in Deferred<Int>() }
            deferredList(inputs).addCallback { _ in }
            for input in inputs { try input.errback(Refusal(description: "log-list")) }
        }()
        #expect(ProcessLog.entries(with: "log-list").isEmpty)
    }
}
