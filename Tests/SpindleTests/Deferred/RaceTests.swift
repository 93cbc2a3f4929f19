import Spindle
import Testing

/// Rule D4 of the contract: `race`, the first value.
@Suite(.ownThreads) struct RaceTests {
    struct Refusal: Error, Equatable, CustomStringConvertible {
        var description = "refusal"
    }

    init() { ProcessLog.install() }

    /// Deferreds that never fire by themselves, and how often each was cancelled.
    final class Field {
        var cancels: [Int]
        private(set) var runners: [Deferred<String>] = []

        init(_ count: Int) {
            cancels = Array(repeating: 0, count: count)
            runners = (0..<count).map { index in Deferred { [unowned self] _ in cancels[index] += 1 } }
        }
    }

    static let places = (0..<4).flatMap { before in (0..<4).map { after in (before, after) } }

    @Test("D4: the first value wins, with its number, and the others are cancelled once", arguments: places)
    func success(before: Int, after: Int) throws {
        let field = Field(before + 1 + after)
        let winner = race(field.runners)
        try field.runners[before].callback("won")
        let result = try #require(try winner.result?.get())
        #expect(result == (before, "won"))
        var expected = Array(repeating: 1, count: field.cancels.count)
        expected[before] = 0
        #expect(field.cancels == expected)
    }

    @Test("D4: without cancelSiblings the others go on, and what comes of them is dropped")
    func othersGoOn() throws {
        let field = Field(3)
        let winner = race(field.runners, cancelSiblings: false)
        try field.runners[1].callback("won")
        try field.runners[0].callback("second")
        try field.runners[2].errback(Refusal())
        #expect(try winner.result?.get().value == "won")
        #expect(field.cancels == [0, 0, 0])
    }

    @Test("D4: those that fail do not decide as long as one may succeed")
    func failuresBefore() throws {
        let field = Field(3)
        let winner = race(field.runners)
        try field.runners[0].errback(Refusal(description: "log-race-loser"))
        try field.runners[2].errback(Refusal(description: "log-race-loser"))
        #expect(!winner.hasFired)
        try field.runners[1].callback("won")
        #expect(try winner.result?.get().index == 1)
        #expect(field.cancels == [0, 0, 0])
    }

    @Test("D4: when all fail the race fails with all of their errors, in the order of the Deferreds", arguments: 1...4)
    func failure(count: Int) throws {
        let field = Field(count)
        let winner = race(field.runners)
        for index in (0..<count).reversed() {
            #expect(!winner.hasFired)
            try field.runners[index].errback(Refusal(description: "\(index)"))
        }
        let group = try #require(throws: FailureGroup.self) { try winner.result?.get() }
        #expect(group.errors.map { "\($0)" } == (0..<count).map { "\($0)" })
        #expect(field.cancels.allSatisfy { $0 == 0 })
        winner.addErrback { _ in }
    }

    @Test("D22: a race without anybody in it fails at once, with no errors")
    func empty() throws {
        let winner = race([Deferred<Int>]())
        let group = try #require(throws: FailureGroup.self) { try winner.result?.get() }
        #expect(group.errors.isEmpty)
        winner.addErrback { _ in }
    }

    @Test("D22: the first of none without cancelling, Twisted's fireOnOneCallback, fails at once too")
    func emptyWithoutCancelling() throws {
        let first = race([Deferred<Int>](), cancelSiblings: false)
        #expect(throws: FailureGroup.self) { try first.result?.get() }
        first.addErrback { _ in }
    }

    @Test("D4: one that had fired before wins at once, and later ones are cancelled")
    func firedBefore() throws {
        let field = Field(2)
        let winner = race([field.runners[0], Deferred(.success("won")), field.runners[1]])
        #expect(try winner.result?.get().index == 1)
        #expect(field.cancels == [1, 1])
    }

    @Test("D2, D4: one that fires after it was cancelled is ignored, and nothing is logged")
    func lateResult() throws {
        let runners = (0..<3).map { _ in Deferred<String>() }
        let winner = race(runners)
        try runners[0].callback("won")
        try runners[1].callback("late")
        try runners[2].errback(Refusal(description: "log-race-late"))
        #expect(try winner.result?.get().value == "won")
        #expect(ProcessLog.entries(with: "log-race-late").isEmpty)
    }

    @Test("D4: a loser whose canceller supplies a value has lost all the same")
    func cancellerSupplies() throws {
        let runners = [Deferred<String>(), Deferred(canceller: { try? $0.callback("consolation") })]
        let winner = race(runners)
        try runners[0].callback("won")
        #expect(try winner.result?.get().value == "won")
    }

    @Test("D4: cancelling the race cancels all in it, and it fails with CancelledError", arguments: 1...3)
    func cancelling(count: Int) throws {
        let field = Field(count)
        let winner = race(field.runners)
        winner.cancel()
        #expect(field.cancels == Array(repeating: 1, count: count))
        #expect(throws: CancelledError.self) { try winner.result?.get() }
    }

    @Test("D4: cancelling a race in which one has failed fails with CancelledError as well")
    func cancellingLate() throws {
        let field = Field(2)
        let winner = race(field.runners)
        try field.runners[0].errback(Refusal())
        winner.cancel()
        #expect(field.cancels == [0, 1])
        #expect(throws: CancelledError.self) { try winner.result?.get() }
    }

    @Test("D3, D4: the errors of those that lost are not logged")
    func losersErrors() throws {
        try {
            let runners = (0..<3).map { _ in Deferred<String>() }
            race(runners, cancelSiblings: false).addCallback { _ in }
            try runners[0].errback(Refusal(description: "log-race-lost"))
            try runners[1].callback("won")
            try runners[2].errback(Refusal(description: "log-race-lost"))
        }()
        #expect(ProcessLog.entries(with: "log-race-lost").isEmpty)
    }

    @Test("D3, D4: a race that nobody won and nobody asks about is logged once, with every error")
    func unhandled() throws {
        try {
            let runners = (0..<2).map { _ in Deferred<String>() }
            _ = race(runners)
            for (index, runner) in runners.enumerated() {
                try runner.errback(Refusal(description: "log-race-all-\(index)"))
            }
        }()
        let logged = ProcessLog.entries(with: "log-race-all").map(\.text)
        #expect(logged.count == 1)
        #expect(logged.first?.contains("log-race-all-0") == true && logged.first?.contains("log-race-all-1") == true)
    }
}
