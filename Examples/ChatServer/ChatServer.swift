import ArgumentParser
@preconcurrency import Glibc
import Spindle
import SpindleProtocols

/// A chat room for people with telnet or nc. Try it: `swift run --package-path Examples ChatServer`,
/// then join from two other terminals with `nc 127.0.0.1 8123`; it asks each for a name.
@main
struct ChatServer: ParsableCommand {
    @Option(help: "The address to listen on.") var host = "127.0.0.1"
    @Option(help: "The port to listen on; 0 takes a free one.") var port = 8123

    func run() throws {
        setlinebuf(stdout)  // each line at once, in a pipe or a container's log too
        let reactor = try Reactor()
        let room = Room()
        let listener = try reactor.listenTCP(port, Factory { Visitor(room) }, interface: host)
        print("Listening on \(listener.address)")
        try reactor.run()
    }
}

final class Room {
    var people: [String: Visitor] = [:]
    func tell(_ line: String, except sender: Visitor) {
        for visitor in people.values where visitor !== sender { visitor.sendLine(line) }
    }
}

final class Visitor: LineReceiver {
    private let room: Room
    private var name: String?
    init(_ room: Room) {
        self.room = room
        super.init()
        delimiter = .anyNewline
    }

    override func connectionMade() { sendLine("What is your name?") }
    override func lineReceived(_ line: RawSpan) {
        guard let name else { return enter(as: String(decoding: line)) }
        room.tell("<\(name)> \(line)", except: self)
    }

    private func enter(as wanted: String) {
        guard !wanted.isEmpty else { return sendLine("A name, please:") }
        guard room.people[wanted] == nil else { return sendLine("\(wanted) is taken. Another name, please:") }
        let others = room.people.keys.sorted().joined(separator: ", ")
        sendLine("Welcome, \(wanted)! Here now: \(others.isEmpty ? "nobody else" : others).")
        (name, room.people[wanted]) = (wanted, self)
        room.tell("\(wanted) has joined.", except: self)
    }

    override func connectionLost(_ reason: any Error) {
        guard let name else { return }
        room.people[name] = nil
        room.tell("\(name) has left.", except: self)
    }
}
