import Spindle
import SpindleProtocols

/// Notes lines and ends, and does what the lines say: `slow` pauses until a while after the peer's end, `stay` pauses
/// for good, `switch` hands over to the successor.
class PausingReceiver: LineReceiver {
    fileprivate(set) var events: [String] = []
    private(set) var reason: (any Error)?
    var speaker: Speaker?
    var successor: PausingReceiver?
    var onStay: () -> Void = {}
    var whenLost: () -> Void = {}

    override func lineReceived(_ line: RawSpan) {
        events.append("\(line)")
        switch events.last {
        case "slow":
            pauseProducing()
            speaker?.finish { [self] in resumeLater() }
        case "stay":
            pauseProducing()
            onStay()
        case "switch":
            if let successor = successor.take() { transport.switchProtocol(to: successor) }
        default: break
        }
    }

    /// The first time long enough for the peer's end to be noticed, too early or not.
    private func resumeLater() {
        reactor.callLater(.milliseconds(events.count > 1 ? 0 : 20)) { [self] in
            guard transport.isConnected else { return }
            events.append("resume")
            resumeProducing()
        }
    }

    override func connectionLost(_ reason: any Error) {
        events.append("lost")
        self.reason = reason
        whenLost()
    }
}

/// One that is told of the end of reading as well, and then closes.
final class HalfClosingReceiver: PausingReceiver, HalfCloseProtocol {
    func readConnectionLost() {
        events.append("read end")
        transport.loseConnection()
    }

    func writeConnectionLost() {}
}
