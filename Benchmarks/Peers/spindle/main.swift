// bench: variant spindle-bufferevent --bufferevent
//
// Echo on Spindle as its users write it. With --bufferevent every connection runs on its libevent bufferevent in both
// directions instead of on direct I/O.
import Glibc
import Spindle

final class EchoProtocol: Protocol {
    override func dataReceived(_ data: RawSpan) { transport.write(data) }
}

let arguments = CommandLine.arguments.dropFirst()
var options = Reactor.Options()
options.directIO = !arguments.contains("--bufferevent")
let reactor = try Reactor(options: options)
let port = try reactor.listenTCP(arguments.first.flatMap { Int($0) } ?? 0, Factory { EchoProtocol() }, backlog: 1024)
print("listening \(port.address.port ?? 0)")
fflush(nil)  // stdout may be a pipe, and a pipe is not flushed at the end of a line
try reactor.run()
