import Spindle
import SpindleC
import SpindleProtocols

/// Has C mount the admin port by the name "admin"; declared in server.h.
@c(admin_register) public func registerAdmin() {
    SpindleRegistry.register("admin") { _, user in
        guard let server = user?.assumingMemoryBound(to: server.self) else { throw NoServer() }
        return Factory { Admin(server) }
    }
}

struct NoServer: Error, CustomStringConvertible {
    let description = "the user pointer is NULL, and is to be the server"
}

/// Commands by the line, which read and change what the C program has.
final class Admin: LineReceiver {
    private let server: UnsafeMutablePointer<server>
    private var watch: LoopingCall?

    init(_ server: UnsafeMutablePointer<server>) {
        self.server = server
        super.init()
        delimiter = .anyNewline
    }

    override func lineReceived(_ line: RawSpan) {
        if line.elementsEqual("stats") {
            sendStatistics()
        } else if line.elementsEqual("watch") {
            watch = LoopingCall(reactor) { [unowned self] in sendStatistics() }
            _ = try? watch?.start(.milliseconds(20))
        } else if line.starts(with: "greet ") {
            greet(line.extracting(droppingFirst: 6))
        } else if line.elementsEqual("stop") {
            sendLine("stopping")
            reactor.callLater(.milliseconds(10)) { [server] in server_stop(server) }
        } else {
            sendLine("stats, watch, greet TEXT or stop?")
        }
    }

    override func connectionLost(_ reason: any Error) { try? watch?.stop() }

    private func sendStatistics() {
        let server = server.pointee
        sendLine("\(server.connections) connections now, \(server.accepted) ever, \(server.bytes) bytes")
    }

    private func greet(_ text: RawSpan) {
        let greeting = Array("\(text)\r\n".utf8)
        guard greeting.count < MemoryLayout.size(ofValue: server.pointee.greeting) else { return sendLine("too long") }
        withUnsafeMutableBytes(of: &server.pointee.greeting) { bytes in
            bytes.copyBytes(from: greeting)
            bytes[greeting.count] = 0
        }
        sendLine("ok")
    }
}
