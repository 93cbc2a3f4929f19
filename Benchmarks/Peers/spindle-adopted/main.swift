// Spindle as a guest: a C program accepts and makes the bufferevents, as libevent-bufferevent.c does, and runs its own
// loop; each bufferevent is adopted by a protocol.
import Glibc
import Spindle
import host

final class EchoProtocol: Protocol {
    override func dataReceived(_ data: RawSpan) { transport.write(data) }
}

let base = host_new()
let reactor = try Reactor(adopting: base)
let port = host_listen(
    base, Int32(CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 0),
    { connection, context in
        let reactor = Unmanaged<Reactor>.fromOpaque(context!).takeUnretainedValue()
        _ = try? reactor.adopt(bufferEvent: connection, protocol: EchoProtocol())
    }, Unmanaged.passUnretained(reactor).toOpaque())
print("listening \(port)")
fflush(nil)
exit(host_dispatch(base))
