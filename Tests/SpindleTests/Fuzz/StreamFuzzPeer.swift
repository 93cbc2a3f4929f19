import Glibc
import TestSupport

@testable import Spindle

/// The other end of a connection that is fuzzed: a plain socket that does what was drawn for it beforehand.
final class StreamFuzzPeer: Sendable {
    private enum Step { case send(Int), sendDescriptor(Int), receive, wait(UInt32), finish, reset }

    struct Outcome {
        var sent = 0
        var received = 0
        var descriptorsSent = 0
        var sawEnd = false
        /// It has reset the connection, when all it had sent had arrived.
        var wasResetBehindAll = false
        var mistake: String?
    }

    private let steps: [Step]
    private let descriptor: CInt?
    private let state = Lock(Outcome())
    private let made = Handoff()

    init(_ random: inout SeededGenerator, sendsDescriptors descriptor: CInt?) {
        self.descriptor = descriptor
        steps = (0..<25).map { _ in
            switch random.below(12) {
            case 0..<4: .send(random.below(60_000))
            case 4 where descriptor != nil: .sendDescriptor(1 + random.below(50))
            case 5..<9: .receive
            case 9: .wait(UInt32(random.below(2000)))
            case 10 where random.oneIn(8): .finish
            case 11 where random.oneIn(30): .reset
            default: .wait(100)
            }
        }
    }

    var outcome: Outcome { state.withLock { $0 } }

    /// Does the steps, without ever waiting for the other end, and then reads all there is to its end.
    func run(_ peer: Peer) throws {
        setBlocking(peer, false)
        var hasFinished = false
        for step in steps {
            switch step {
            case .send(let count): if !hasFinished, !send(count, to: peer) { return }
            case .sendDescriptor(let count): if !hasFinished { sendDescriptor(count, to: peer) }
            case .receive:
                do { _ = try receive(from: peer) } catch let failure as Peer.Failure where failure.errno != EAGAIN {
                    return
                } catch {}
            case .wait(let time): usleep(time)
            case .finish:
                hasFinished = true
                peer.finishSending()
            case .reset:
                // A client whose connection is reset before it has seen that it was made has failed to connect, which is no
                // connection.
                _ = made.wait()
                // A UNIX socket counts what its other end has not received; it has arrived all the same.
                let hasArrived = descriptor != nil || peer.unacknowledgedCount == 0
                state.withLock { $0.wasResetBehindAll = hasArrived }
                peer.reset()
                return
            }
        }
        setBlocking(peer, true)
        while try receive(from: peer) {}
        state.withLock { $0.sawEnd = true }
    }

    /// The other end has heard of the connection.
    func connectionMade() { made.finish(true) }

    private func setBlocking(_ peer: Peer, _ isOn: Bool) {
        let flags = fcntl(peer.descriptor, F_GETFL)
        _ = fcntl(peer.descriptor, F_SETFL, isOn ? flags & ~O_NONBLOCK : flags | O_NONBLOCK)
    }

    /// False when the connection is broken.
    private func send(_ count: Int, to peer: Peer) -> Bool {
        let data = FuzzPattern.bytes(from: outcome.sent, count)
        let sent = data.withUnsafeBytes { Glibc.send(peer.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard sent >= 0 else { return errno == EAGAIN }
        state.withLock { $0.sent += sent }
        return true
    }

    private func sendDescriptor(_ count: Int, to peer: Peer) {
        let data = FuzzPattern.bytes(from: outcome.sent, count)
        let result = data.withRawSpan { Socket(descriptor: peer.descriptor).send($0, with: descriptor ?? -1) }
        guard case .sent(let sent) = result, sent > 0 else { return }
        state.withLock {
            $0.sent += sent
            $0.descriptorsSent += 1
        }
    }

    /// False at the end.
    private func receive(from peer: Peer) throws -> Bool {
        let bytes = try peer.receiveSome()
        state.withLock { state in
            if bytes != FuzzPattern.bytes(from: state.received, bytes.count) {
                state.mistake = state.mistake ?? "the output differs after \(state.received) bytes"
            }
            state.received += bytes.count
        }
        return !bytes.isEmpty
    }
}
