import Glibc
import Testing

@testable import Spindle

/// Rules X2 and S7 of the contract when there are no more descriptors to be had; in processes of their own, whose limits are
/// low.
@Suite(.ownThreads) struct DescriptorShortageTests {
    private static func limitDescriptors(to count: Int) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = rlim_t(count)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    @Test("X2: a connection whose descriptors got lost for want of numbers ends with EMFILE, and says so in the log")
    func lost() async {
        await #expect(processExitsWith: .success) {
            try NumberedFiles.with { files in
                let subject = DescriptorRecorder(files)
                let log = CapturedLog()
                let outcome = try StreamKind.unix.run(subject, adjust: { $0.logger = log.logger }) { peer in
                    let descriptors = (0..<20).map { files.open($0) }
                    let next = dup(0)
                    close(next)
                    DescriptorShortageTests.limitDescriptors(to: Int(next) + 5)
                    try peer.send("x", with: descriptors)
                    _ = peer.waitForEnd()
                    for descriptor in descriptors { close(descriptor) }
                }
                #expect(outcome.peerError == nil)
                #expect((subject.reason as? ConnectionLost)?.errno == EMFILE)
                #expect(subject.arrivals.isEmpty && subject.received.isEmpty)
                #expect(log.lines.contains { $0.hasPrefix("error: descriptors from unix: were lost") })
                #expect(files.openCount == 0)
            }
        }
    }

    @Test("S7: with no descriptor left the first connection to pause lives on, and hears of its peer's end")
    func pausing() async {
        await #expect(processExitsWith: .success) {
            let subject = Recorder()
            let isPaused = Handoff()
            subject.onMade = { me in
                let next = dup(0)
                close(next)
                DescriptorShortageTests.limitDescriptors(to: Int(next))
                me.transport.pauseProducing()
                me.reactor.callLater(.zero) { isPaused.finish(me.transport.isConnected) }
            }
            let outcome = try StreamKind.unix.run(subject) { _ in #expect(isPaused.wait()) }
            #expect(outcome.peerError == nil)
            #expect(subject.reason is ConnectionDone)
        }
    }

    @Test(
        "X2: with more descriptors under way than the kernel allows the rest wait until some have arrived",
        .enabled(if: geteuid() == 0, "the kernel counts for each user: this needs to become one of its own"))
    func tooManyUnderWay() async {
        await #expect(processExitsWith: .success) {
            try NumberedFiles.with { files in
                let subject = Recorder()
                let mayRead = Handoff()
                let sent = Lock<[FileStatus.Identity]>([])
                var passes = 0
                subject.onMade = { me in
                    // The limit is for ordinary users, and as high as the one for open descriptors.
                    DescriptorShortageTests.limitDescriptors(to: 100)
                    chmod(files.directory.path, 0o777)
                    let user = uid_t.random(in: 100_000...1_000_000_000)
                    #expect(setreuid(user, uid_t.max) == 0 && seteuid(user) == 0)
                    me.onLost = { _ in #expect(seteuid(0) == 0) }
                    for number in 0..<130 {
                        let descriptor = files.open(number)
                        let identity = try FileStatus(ofDescriptor: descriptor).identity
                        sent.withLock { $0.append(identity) }
                        try me.transport.sendFileDescriptor(descriptor, with: "x")
                        close(descriptor)
                    }
                    let before = me.reactor.passes
                    me.reactor.callLater(.milliseconds(100)) {
                        passes = me.reactor.passes - before
                        mayRead.finish(true)
                    }
                    me.transport.loseConnection()
                }
                let outcome = try StreamKind.unix.run(subject) { peer in
                    #expect(mayRead.wait())
                    let (bytes, marks) = try peer.receiveToEnd { try? FileStatus(ofDescriptor: $0).identity }
                    #expect(bytes.count == 130)
                    #expect(marks.map(\.mark) == sent.withLock { $0 })
                }
                #expect(outcome.peerError == nil)
                #expect(subject.reason is ConnectionDone)
                #expect((5...30).contains(passes))
                #expect(files.openCount == 0)
            }
        }
    }
}
