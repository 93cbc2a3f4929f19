import Spindle
import Testing

/// Rule D1 of the contract: a call whose outcome becomes a Deferred, whatever it is.
@Suite(.ownThreads) struct MaybeDeferredTests {
    struct Refusal: Error {}

    init() { ProcessLog.install() }

    @Test("D1: maybeDeferred gives the value that its closure returns, at once")
    func value() throws {
        let deferred = maybeDeferred { 2 + 3 }
        #expect(try deferred.result?.get() == 5)
    }

    @Test("D1: maybeDeferred makes a failure of what its closure throws, whatever it would have returned")
    func thrown() throws {
        func count() throws -> Int { throw Refusal() }
        func wait() throws -> Deferred<Int> { throw Refusal() }
        for deferred in [maybeDeferred(count), maybeDeferred(wait)] {
            deferred.addErrback { error -> Int in
                #expect(error is Refusal)
                return 0
            }
            #expect(throws: Refusal.self) { try deferred.result?.get() }
        }
    }

    @Test("D1: maybeDeferred returns the Deferred that its closure returns, fired or not")
    func passesThrough() {
        let pending = Deferred<Int>()
        let failed = Deferred<Int>(.failure(Refusal()))
        #expect(maybeDeferred { pending } === pending)
        #expect(maybeDeferred { failed } === failed)
        failed.addErrback { _ in 0 }
    }

    @Test("D3: what a closure of maybeDeferred threw and nobody took is logged with the place of the call")
    func place() {
        struct Marked: Error, CustomStringConvertible { let description = "log-maybe" }
        let line: UInt = #line + 1
        _ = maybeDeferred { () throws -> Int in throw Marked() }
        #expect(ProcessLog.entries(with: "log-maybe").first?.text.contains("MaybeDeferredTests.swift:\(line)") == true)
    }
}
