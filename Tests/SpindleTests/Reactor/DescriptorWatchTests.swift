import Glibc
import Testing

@testable import Spindle

/// Descriptors of others, watched on the loop.
@Suite(.ownThreads) struct DescriptorWatchTests {
    @Test("a descriptor is reported as long as there is something to read, and not before")
    func reading() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, other) = try Peer.pair()
        var reports = 0
        let watch = try reactor.watch(ours.descriptor, .read) { reports += 1 }
        #expect(watch.isActive && watch.descriptor == ours.descriptor && watch.interest == .read)
        #expect("\(watch)" == "descriptor \(ours.descriptor), watched for reading")
        try reactor.run {
            for _ in 0..<10 { try await reactor.sleep(.zero).value() }
            #expect(reports == 0)
            try other.send("x")
            // It stays readable: level-triggered.
            try await reactor.until { reports >= 3 }
            _ = try ours.receive(1)
            try await reactor.sleep(.zero).value()
            let before = reports
            for _ in 0..<10 { try await reactor.sleep(.zero).value() }
            #expect(reports == before)
            // The other side's end counts as something to read.
            other.close()
            try await reactor.until { reports > before }
            watch.cancel()
            #expect(!watch.isActive)
        }
    }

    @Test("reading and writing are two watches, each by itself")
    func bothWays() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, other) = try Peer.pair()
        var (reads, writes) = (0, 0)
        try reactor.watch(ours.descriptor, .read) { reads += 1 }
        let writing = try reactor.watch(ours.descriptor, .write) { writes += 1 }
        try reactor.run {
            try await reactor.until { writes >= 3 }
            #expect(reads == 0)
            writing.cancel()
            let before = writes
            try other.send("x")
            try await reactor.until { reads >= 3 }
            #expect(writes == before)
        }
    }

    @Test("a full descriptor is not reported for writing until there is room")
    func room() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, other) = try Peer.pair()
        _ = fcntl(ours.descriptor, F_SETFL, O_NONBLOCK)
        let chunk = [UInt8](repeating: 7, count: 65_536)
        var sent = 0
        func fill() {
            while true {
                let count = chunk.withUnsafeBytes {
                    send(ours.descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
                }
                if count <= 0 { return }
                sent += count
            }
        }
        fill()
        let first = sent
        var reports = 0
        try reactor.watch(ours.descriptor, .write) {
            reports += 1
            fill()
        }
        try reactor.run {
            for _ in 0..<10 { try await reactor.sleep(.zero).value() }
            #expect(reports == 0)
            _ = try other.receive(first)
            try await reactor.until { sent > first }
        }
    }

    @Test("two watches of one descriptor for the same are both called; cancelling one leaves the other")
    func twice() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, other) = try Peer.pair()
        var counts = [0, 0]
        let first = try reactor.watch(ours.descriptor, .read) { counts[0] += 1 }
        try reactor.watch(ours.descriptor, .read) { counts[1] += 1 }
        try other.send("x")
        try reactor.run {
            try await reactor.until { counts.min() ?? 0 >= 1 }
            first.cancel()
            let before = counts[1]
            let gone = counts[0]
            try await reactor.until { counts[1] > before + 2 }
            #expect(counts[0] == gone)
        }
    }

    @Test("R6: a body that throws is logged, ends its own watching, and harms nobody else")
    func throwing() throws {
        struct Mishap: Error {}
        let log = CapturedLog()
        let reactor = try Reactor(options: log.options)
        let (ours, other) = try Peer.pair()
        var (throwing, others) = (0, 0)
        let watch = try reactor.watch(ours.descriptor, .read) {
            throwing += 1
            throw Mishap()
        }
        try reactor.watch(ours.descriptor, .read) { others += 1 }
        try other.send("x")
        try reactor.run { try await reactor.until { others >= 3 } }
        #expect(throwing == 1 && !watch.isActive)
        #expect(log.lines == ["error: the watching of descriptor \(ours.descriptor) for reading ends: Mishap()"])
    }

    enum Bad: CaseIterable { case closed, negative, file, directory, null }

    @Test("a descriptor that cannot be watched is an error that says why, and nothing is left", arguments: Bad.allCases)
    func refused(bad: Bad) throws {
        let reactor = try Reactor(options: .forTests)
        let paths: [Bad: String] = [.file: "/proc/self/exe", .directory: "/", .null: "/dev/null"]
        let opened = paths[bad].map { open($0, O_RDONLY | O_CLOEXEC) }
        defer { if let opened { close(opened) } }
        let descriptor = opened ?? (bad == .closed ? 0x7fff_0000 : -1)
        for interest in DescriptorInterest.allCases {
            let error = #expect(throws: CannotWatchError.self) { try reactor.watch(descriptor, interest) {} }
            #expect(error == CannotWatchError(descriptor: descriptor, errno: opened == nil ? EBADF : EPERM))
        }
        #expect(reactor.statistics.watchedDescriptors == 0)
        var failure: (any Error)?
        reactor.whenReady(descriptor, .read).addErrback { failure = $0 }
        #expect(failure is CannotWatchError)
        let text = "\(CannotWatchError(descriptor: 3, errno: EPERM))"
        #expect(text == "cannot watch descriptor 3: it is one that is always ready, like a file's")
        #expect("\(CannotWatchError(descriptor: 3, errno: EBADF))" == "cannot watch descriptor 3: Bad file descriptor")
    }

    @Test("the reactor of a protocol that is not connected watches nothing")
    func detached() throws {
        let (ours, _) = try Peer.pair()
        #expect(throws: ReactorNotRunning.self) { try Recorder().reactor.watch(ours.descriptor, .read) {} }
    }

    @Test("a watch is kept until it is cancelled, by itself or at the end of the run, and then lets go of its body")
    func lifetime() throws {
        final class Held {}
        weak var gone: Reactor?
        weak var held: Held?
        let (ours, other) = try Peer.pair()
        var kept: DescriptorWatch?
        do {
            let reactor = try Reactor(options: .forTests)
            gone = reactor
            var reports = 0
            do {
                let object = Held()
                held = object
                // Holds the reactor, and the watch itself.
                kept = try reactor.watch(ours.descriptor, .read) {
                    reports += 1
                    withExtendedLifetime((object, reactor, kept)) {}
                }
            }
            #expect(reactor.statistics.watchedDescriptors == 1)
            try other.send("x")
            try reactor.run {
                #expect(reactor.describe().contains("\n  descriptor \(ours.descriptor), watched for reading"))
                #expect(reactor.describe().contains(", 1 watched descriptor\n"))
                try await reactor.until { reports > 0 }
            }
            #expect(reactor.statistics.watchedDescriptors == 0)
            #expect(held == nil)
            kept?.cancel()
        }
        #expect(gone == nil)
        #expect(kept?.isActive == false)
    }

    @Test("a reactor that never ran, and goes, cancels its watches")
    func neverRun() throws {
        final class Held {}
        weak var held: Held?
        let (ours, _) = try Peer.pair()
        var watch: DescriptorWatch?
        do {
            let reactor = try Reactor(options: .forTests)
            let object = Held()
            held = object
            watch = try reactor.watch(ours.descriptor, .read) { withExtendedLifetime(object) {} }
        }
        #expect(held == nil)
        #expect(watch?.isActive == false)
        watch?.cancel()
    }

    @Test("what a body held may come back to the reactor as it goes")
    func comingBack() throws {
        final class Returning {
            let action: () -> Void
            init(_ action: @escaping () -> Void) { self.action = action }
            deinit { action() }
        }
        let reactor = try Reactor(options: .forTests)
        let (ours, other) = try Peer.pair()
        var second: DescriptorWatch?
        var watch: DescriptorWatch?
        do {
            let returning = Returning { [unowned reactor] in
                watch?.cancel()
                second = try? reactor.watch(ours.descriptor, .write) {}
            }
            watch = try reactor.watch(ours.descriptor, .read) {
                watch?.cancel()
                withExtendedLifetime(returning) {}
            }
        }
        try other.send("x")
        try reactor.run { try await reactor.until { second != nil } }
        #expect(second?.isActive == false)
    }

    @Test("R4: watches go on while the reactor waits with stopping")
    func stopping() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, other) = try Peer.pair()
        let farewell = Deferred<Void>()
        var reports = 0
        try reactor.watch(ours.descriptor, .read) {
            reports += 1
            _ = try ours.receive(1)
            if !farewell.hasFired { try farewell.callback(()) }
        }
        reactor.addSystemEventTrigger(.before, .shutdown) {
            try? other.send("x")
            return farewell
        }
        try reactor.run {}
        #expect(reports == 1)
    }

    @Test("one that is cancelled by another in the same pass is not called any more")
    func cancelledMeanwhile() throws {
        let reactor = try Reactor(options: .forTests)
        let (one, oneOther) = try Peer.pair()
        let (two, twoOther) = try Peer.pair()
        var watches: [DescriptorWatch] = []
        var calls = 0
        for peer in [one, two] {
            watches.append(
                try reactor.watch(peer.descriptor, .read) {
                    calls += 1
                    for watch in watches { watch.cancel() }
                })
        }
        try oneOther.send("x")
        try twoOther.send("x")
        try reactor.run {
            try await reactor.until { calls > 0 }
            for _ in 0..<3 { try await reactor.sleep(.zero).value() }
        }
        #expect(calls == 1)
        watches = []
    }

    @Test("whenReady fires once; cancelling it, or stopping, ends the watching")
    func whenReady() throws {
        let reactor = try Reactor(options: .forTests)
        let (ours, other) = try Peer.pair()
        try reactor.run {
            try await reactor.whenReady(ours.descriptor, .write).value()
            let reading = reactor.whenReady(ours.descriptor, .read)
            #expect(reactor.statistics.watchedDescriptors == 1)
            try other.send("x")
            try await reading.value()
            #expect(reactor.statistics.watchedDescriptors == 0)
            _ = try ours.receive(1)
            let cancelled = reactor.whenReady(ours.descriptor, .read)
            cancelled.cancel()
            #expect(cancelled.result?.failure is CancelledError)
            #expect(reactor.statistics.watchedDescriptors == 0)
            reactor.spawn { try await reactor.whenReady(ours.descriptor, .read).value() }
            #expect(reactor.statistics.watchedDescriptors == 1)
        }
        #expect(reactor.statistics.watchedDescriptors == 0)
    }
}
