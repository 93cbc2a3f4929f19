import Spindle
import Testing

/// Rule D4 of the contract: `DeferredQueue`.
@Suite(.ownThreads) struct DeferredQueueTests {
    @Test("D4: items that are there go out in the order in which they came")
    func itemsFirst() throws {
        let queue = DeferredQueue<Int>()
        for item in 0..<5 { try queue.put(item) }
        #expect(queue.count == 5)
        for item in 0..<5 { #expect(try queue.get().result?.get() == item) }
        #expect(queue.count == 0)
    }

    @Test("D4: those who wait are served in the order of asking")
    func waitersFirst() throws {
        let queue = DeferredQueue<String>()
        var log: [String] = []
        for index in 0..<3 { queue.get().addCallback { log.append("\(index) \($0)") } }
        #expect(queue.waiting == 3)
        for item in ["a", "b", "c", "d"] { try queue.put(item) }
        #expect(log == ["0 a", "1 b", "2 c"])
        #expect(queue.waiting == 0 && queue.count == 1)
    }

    @Test("D4: a full queue takes nothing more; who waits for an item is not counted", arguments: [0, 1, 2])
    func overflow(size: Int) throws {
        let queue = DeferredQueue<Int>(size: size)
        let waiting = queue.get()
        for item in 0...size { try queue.put(item) }
        #expect(try waiting.result?.get() == 0)
        #expect(throws: QueueOverflow.self) { try queue.put(-1) }
        #expect(queue.count == size)
        for item in 0..<size { #expect(try queue.get().result?.get() == item + 1) }
    }

    @Test("D4: no more than the backlog may wait; what is there can be had all the same", arguments: [0, 1, 2])
    func underflow(backlog: Int) throws {
        let queue = DeferredQueue<Int>(backlog: backlog)
        try queue.put(7)
        #expect(try queue.get().result?.get() == 7)
        let waiting = (0..<backlog).map { _ in queue.get() }
        let refused = queue.get()
        #expect(throws: QueueUnderflow.self) { try refused.result?.get() }
        refused.addErrback { _ in 0 }
        for item in 0..<backlog { try queue.put(item) }
        let values = try waiting.map { try $0.result?.get() }
        #expect(values == Array(0..<backlog))
    }

    @Test("D4: after an overflow or an underflow was refused the queue goes on")
    func goesOn() throws {
        let queue = DeferredQueue<Int>(size: 1, backlog: 1)
        try queue.put(1)
        #expect(throws: QueueOverflow.self) { try queue.put(2) }
        #expect(try queue.get().result?.get() == 1)
        let waiting = queue.get()
        queue.get().addErrback { _ in 0 }
        try queue.put(3)
        #expect(try waiting.result?.get() == 3)
    }

    @Test("D4: cancelling one that has its item does nothing")
    func cancellingServed() throws {
        let queue = DeferredQueue<Int>()
        let get = queue.get()
        try queue.put(1)
        get.cancel()
        #expect(try get.result?.get() == 1)
    }

    @Test("D4: one that is cancelled leaves the line, and the item goes to the next", arguments: 0..<3)
    func cancelling(cancelled: Int) throws {
        let queue = DeferredQueue<Int>(backlog: 3)
        let gets = (0..<3).map { _ in queue.get() }
        gets[cancelled].cancel()
        #expect(throws: CancelledError.self) { try gets[cancelled].result?.get() }
        #expect(queue.waiting == 2)
        let late = queue.get()
        for item in 0..<3 { try queue.put(item) }
        let order = (gets.enumerated().filter { $0.offset != cancelled }.map(\.element) + [late])
        let values = try order.map { try $0.result?.get() }
        #expect(values == [0, 1, 2])
    }

    @Test("D4: what is cancelled may put and get again at once")
    func usingWhenCancelled() throws {
        let queue = DeferredQueue<Int>()
        let get = queue.get()
        let again = get.addErrback { _ -> Deferred<Int> in
            try queue.put(5)
            return queue.get()
        }
        get.cancel()
        #expect(try again.result?.get() == 5)
    }

    @Test("D4: what a callback puts is served when it has returned, in order")
    func puttingWhileServed() throws {
        let queue = DeferredQueue<Int>(size: 0)
        var log: [String] = []
        queue.get().addCallback { item in
            try queue.put(item + 1)
            log.append("first \(item)")
        }
        queue.get().addCallback { log.append("second \($0)") }
        try queue.put(1)
        #expect(log == ["first 1", "second 2"])
        #expect(throws: QueueOverflow.self) { try queue.put(9) }
    }

    @Test("D4: a size holds for what a callback puts as well")
    func overflowWhileServed() throws {
        let queue = DeferredQueue<Int>(size: 1)
        var refused = false
        queue.get().addCallback { _ in
            for item in 1...2 { try queue.put(item) }
            do { try queue.put(3) } catch is QueueOverflow { refused = true }
        }
        let second = queue.get()
        try queue.put(0)
        #expect(refused)
        #expect(try second.result?.get() == 1)
        #expect(try queue.get().result?.get() == 2)
    }

    @Test("D1, D4: 100,000 who wait, each putting the item of the next, do not recurse")
    func longLine() async {
        await #expect(processExitsWith: .success) {
            let queue = DeferredQueue<Int>()
            var last = 0
            for _ in 0..<100_000 {
                queue.get().addCallback { item in
                    last = item
                    try queue.put(item + 1)
                }
            }
            try queue.put(1)
            precondition(last == 100_000)
        }
    }

    @Test("D4: an item that has gone out is not kept")
    func lettingGo() throws {
        let queue = DeferredQueue<Deferred<Int>>()
        weak var item: Deferred<Int>?
        try {
            let first = Deferred<Int>()
            item = first
            try queue.put(first)
            for _ in 0..<3 { try queue.put(Deferred()) }
            _ = queue.get()
        }()
        #expect(item == nil)
        #expect(queue.count == 3)
    }

    @Test(
        "D4, H4: a task takes items one by one while another puts them, and none is lost when one of them is cancelled")
    func tasks() throws {
        let reactor = try Reactor(options: .forTests)
        let queue = DeferredQueue<Int>()
        var taken: [Int] = []
        try reactor.run {
            let taker = { reactor.spawn { while true { taken.append(try await queue.get().value()) } } }
            let (first, second) = (taker(), taker())
            first.addErrback { _ in }
            second.addErrback { _ in }
            for item in 0..<100 {
                try queue.put(item)
                if item == 50 { first.cancel() }
                if item % 7 == 0 { try await reactor.sleep(.zero).value() }
            }
            try await reactor.until { taken.count == 100 }
            second.cancel()
        }
        #expect(taken.sorted() == Array(0..<100))
    }
}
