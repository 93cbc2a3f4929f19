import CLinux
import Glibc
import Testing

@testable import Spindle

/// Rule H1 under load: calls into reactors from many threads, and from one reactor into another.
@Suite(.ownThreads) struct CallFromThreadTests {
    @Test("H1: the calls of each of many threads arrive in its order, none is lost")
    func manyThreads() throws {
        let reactor = try Reactor(options: .forTests)
        let handle = reactor.handle
        let (count, each) = (8, 5000)
        let last = reactor.bound(Table(count))
        let threads = (0..<count).map { thread in
            ScriptThread {
                for number in 0..<each {
                    handle.callFromThread { reactor in
                        let table = last.value(on: reactor)
                        #expect(table.next[thread] == number)
                        table.next[thread] += 1
                        if table.next.allSatisfy({ $0 == each }) { try reactor.stop() }
                    }
                }
            }
        }
        try reactor.runWatched()
        for thread in threads { thread.join() }
        #expect(last.value(on: reactor).next == Array(repeating: each, count: count))
    }

    private final class Table {
        var next: [Int]
        init(_ count: Int) { next = Array(repeating: 0, count: count) }
    }

    @Test("H1: a hundred thousand calls while the reactor is busy overflow nothing")
    func overflow() throws {
        let reactor = try Reactor(options: .forTests)
        let handle = reactor.handle
        var arrived = 0
        let count = reactor.bound { arrived += 1 }
        reactor.callWhenRunning {
            // The reactor's own thread waits here, so that all of them queue up.
            ScriptThread {
                for _ in 0..<100_000 { handle.callFromThread { reactor in count.value(on: reactor)() } }
                handle.stop()
            }.join()
            #expect(arrived == 0)
        }
        try reactor.runWatched()
        #expect(arrived == 100_000)
    }

    @Test("H1: each call wakes an idle loop")
    func wakes() throws {
        let reactor = try Reactor(options: .forTests)
        let handle = reactor.handle
        let thread = ScriptThread {
            for _ in 0..<1000 {
                // Each is answered before the next is made, so the loop has nothing to do in between.
                #expect((try? handle.blockingCallFromThread { _ in 1 }) == 1)
            }
            handle.stop()
        }
        try reactor.runWatched()
        thread.join()
    }

    @Test("H1: a call made on the reactor's own thread, in a delayed call for one, runs in the next pass")
    func fromDelayedCall() throws {
        let reactor = try Reactor(options: .forTests)
        var order: [Int] = []
        var passes: [Int] = []
        func note(_ number: Int) {
            order.append(number)
            passes.append(reactor.passes)
        }
        let bound = reactor.bound(note)
        reactor.callLater(.zero) {
            let handle = reactor.handle
            for number in 1...3 { handle.callFromThread { reactor in bound.value(on: reactor)(number) } }
            handle.callFromThread { reactor in
                bound.value(on: reactor)(4)
                reactor.handle.callFromThread { reactor in
                    bound.value(on: reactor)(5)
                    try reactor.stop()
                }
            }
            #expect(order.isEmpty)
            passes.append(reactor.passes)
        }
        try reactor.runWatched()
        #expect(order == [1, 2, 3, 4, 5])
        let first = try #require(passes.first)
        #expect(passes.map { $0 - first } == [0, 1, 1, 1, 1, 2])
    }

    @Test("H1: calls made before run() wait for it, in their order")
    func beforeRunning() throws {
        let reactor = try Reactor(options: .forTests)
        let handle = reactor.handle
        let threads = Notes<Int32>()
        var order: [Int] = []
        let note = reactor.bound { order.append($0) }
        handle.callFromThread { reactor in note.value(on: reactor)(1) }
        ScriptThread {
            threads.add(spindle_thread_id())
            handle.callFromThread { reactor in
                threads.add(spindle_thread_id())
                note.value(on: reactor)(2)
                try reactor.stop()
            }
        }.join()
        #expect(order.isEmpty)
        try reactor.runWatched()
        #expect(order == [1, 2])
        #expect(threads.all.count == 2 && threads.all[0] != threads.all[1])
        #expect(threads.all[1] == spindle_thread_id())
    }

    @Test("H1: what a call throws is logged and harms no other")
    func throwing() throws {
        struct Broken: Error {}
        let log = CapturedLog()
        let reactor = try Reactor(options: log.options)
        reactor.handle.callFromThread { _ in throw Broken() }
        reactor.handle.stop()
        try reactor.runWatched()
        #expect(log.lines == ["error: a queued call threw: Broken()"])
    }

    @Test("H1: worker threads and another reactor's thread write to one chosen connection, each in its order")
    func boundEverywhere() throws {
        let reactor = try Reactor(options: .forTests)
        let (workers, each) = (4, 100)
        let subject = Recorder()
        var others: [ScriptThread] = []
        subject.onMade = { me in
            let bound = me.reactor.bound(me)
            for worker in 0..<workers {
                me.reactor.callInThread {
                    for number in 0..<each { Self.write("\(worker) \(number)\n", to: bound) }
                }
            }
            others.append(
                ScriptThread {
                    do {
                        let other = try Reactor(options: .forTests)
                        var number = 0
                        other.poll {
                            Self.write("\(workers) \(number)\n", to: bound)
                            number += 1
                            return number == each
                        }
                        try other.runWatched()
                    } catch {
                        Issue.record(error)
                    }
                })
        }
        var next: Recorder? = subject
        let port = try reactor.listenTCP(0, Factory { next.take() }, interface: "127.0.0.1")
        let received = Notes<String>()
        let address = port.address
        let handle = reactor.handle
        let peer = ScriptThread {
            do {
                let peer = try Peer.connect(to: address)
                var text = ""
                while text.utf8.count(where: { $0 == 10 }) < (workers + 1) * each {
                    text += String(decoding: try peer.receiveSome(), as: UTF8.self)
                }
                received.add(text)
            } catch {
                Issue.record(error)
            }
            handle.stop()
        }
        try reactor.runWatched()
        for thread in others + [peer] { thread.join() }
        let lines = received.all.joined().split(separator: "\n")
        for worker in 0...workers {
            let numbers = lines.filter { $0.hasPrefix("\(worker) ") }.map { Int($0.dropFirst(2)) }
            #expect(numbers == Array(0..<each), "of \(worker)")
        }
    }

    private static func write(_ line: String, to bound: ReactorBound<Recorder>) {
        bound.handle.callFromThread { reactor in bound.value(on: reactor).transport.write(line) }
    }

    @Test("H1: two reactors send each other calls at full speed, and stop each other")
    func pingPong() throws {
        let handles = Notes<ReactorHandle>()
        let rounds = Notes<Int>()
        let threads = (0..<2).map { _ in
            ScriptThread {
                do {
                    let reactor = try Reactor(options: .forTests)
                    handles.add(reactor.handle)
                    try reactor.runWatched()
                } catch {
                    Issue.record(error)
                }
            }
        }
        #expect(eventually { handles.all.count == 2 })
        let (ping, pong) = (handles.all[0], handles.all[1])
        Self.play(2000, to: ping, from: pong, rounds)
        for thread in threads { thread.join() }
        #expect(rounds.all == Array((0...2000).reversed()))
    }

    @Sendable private static func play(
        _ left: Int, to target: ReactorHandle, from source: ReactorHandle, _ rounds: Notes<Int>
    ) {
        target.callFromThread { reactor in
            #expect(reactor.handle === target && target.isCurrent && !source.isCurrent)
            rounds.add(left)
            guard left > 0 else {
                source.stop()
                return try reactor.stop()
            }
            play(left - 1, to: source, from: target, rounds)
        }
    }
}
