import CLibEvent
import Glibc
import Spindle

/// Joins one bufferevent of a pair to a socket, in the way of a C program, so that a peer's script has to do with whoever has
/// the other one. A pair knows no resets: whatever ends the socket is an end for the pair.
final class PairRelay {
    private let far: OpaquePointer
    private let socket: OpaquePointer
    private let descriptor: CInt
    private var pairHasFinished = false
    private var socketHasFinished = false
    private var isEndPassedOn = false
    private var isOpen = true
    /// What ends a farewell to a peer that reads nothing.
    private var patience: DelayedCall?
    private let reactor: Reactor

    /// How much waits here at most in each direction.
    private static let room = 65_536

    /// - Returns: the bufferevent that is not relayed.
    static func start(_ reactor: Reactor, _ descriptor: CInt) throws -> OpaquePointer {
        var pair: (OpaquePointer?, OpaquePointer?) = (nil, nil)
        let made = withUnsafeMutablePointer(to: &pair) {
            $0.withMemoryRebound(to: OpaquePointer?.self, capacity: 2) {
                bufferevent_pair_new(reactor.eventBase, 0, $0)
            }
        }
        guard made == 0, let near = pair.0, let far = pair.1 else { throw SystemError(ENOMEM, "bufferevent_pair_new") }
        let relay = PairRelay(reactor, far, descriptor)
        reactor.addSystemEventTrigger(.after, .shutdown) { [relay] in relay.sayFarewell() }
        return near
    }

    private init(_ reactor: Reactor, _ far: OpaquePointer, _ descriptor: CInt) {
        self.reactor = reactor
        self.far = far
        self.descriptor = descriptor
        evutil_make_socket_nonblocking(descriptor)
        socket = bufferevent_socket_new(reactor.eventBase, descriptor, 0)
        let context = Unmanaged.passUnretained(self).toOpaque()
        bufferevent_setcb(
            far, { _, me in PairRelay.of(me).move() }, { _, me in PairRelay.of(me).move() },
            { _, what, me in if Int32(what) & BEV_EVENT_READING != 0 { PairRelay.of(me).pairFinished() } }, context)
        bufferevent_setcb(
            socket, { _, me in PairRelay.of(me).move() }, { _, me in PairRelay.of(me).move() },
            { _, what, me in PairRelay.of(me).socketFinished(isBroken: Int32(what) & BEV_EVENT_ERROR != 0) }, context)
        bufferevent_setwatermark(far, Int16(EV_READ), 0, Self.room)
        for bufferEvent in [far, socket] { bufferevent_enable(bufferEvent, Int16(EV_READ | EV_WRITE)) }
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> PairRelay {
        Unmanaged<PairRelay>.fromOpaque(context!).takeUnretainedValue()
    }

    /// Moves what has arrived on either side, where it is wanted, and ends what has ended.
    private func move() {
        guard isOpen else { return }
        for (from, to) in [(far, socket), (socket, far)] {
            let hasRoom = evbuffer_get_length(bufferevent_get_output(to)) < Self.room
            if hasRoom { bufferevent_read_buffer(from, bufferevent_get_output(to)) }
            // One whose mark is reached and that nobody reads would call on and on, if it were enabled.
            let isEnabled = Int32(bufferevent_get_enabled(from)) & EV_READ != 0
            guard hasRoom != isEnabled, from == far || !socketHasFinished else { continue }
            _ = hasRoom ? bufferevent_enable(from, Int16(EV_READ)) : bufferevent_disable(from, Int16(EV_READ))
        }
        let isSent = evbuffer_get_length(bufferevent_get_output(socket)) == 0
        let isRead = evbuffer_get_length(bufferevent_get_input(far)) == 0
        if pairHasFinished, isSent, isRead { shutdown(descriptor, Int32(SHUT_WR)) }
        if socketHasFinished, !isEndPassedOn, evbuffer_get_length(bufferevent_get_input(socket)) == 0 {
            isEndPassedOn = true
            bufferevent_flush(far, Int16(EV_WRITE), BEV_FINISHED)
        }
        // Nobody is there any more to hear what the peer says; what was said to it before, it gets, if it reads.
        guard bufferevent_pair_get_partner(far) == nil else { return }
        if isSent, isRead {
            close()
        } else if patience == nil {
            patience = reactor.callLater(.milliseconds(300)) { [self] in close() }
        }
    }

    private func pairFinished() {
        pairHasFinished = true
        move()
    }

    private func socketFinished(isBroken: Bool) {
        socketHasFinished = true
        move()
        if isBroken { close() }
    }

    /// The reactor has stopped: what is left goes to a peer that reads it, and the rest nowhere.
    private func sayFarewell() {
        guard isOpen else { return }
        bufferevent_read_buffer(far, bufferevent_get_output(socket))
        let rest = evbuffer_new()
        defer { evbuffer_free(rest) }
        let output = bufferevent_get_output(socket)
        evbuffer_unfreeze(output, 1)
        evbuffer_add_buffer(rest, output)
        while evbuffer_get_length(rest) > 0 {
            var watched = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&watched, 1, 300) == 1, evbuffer_write(rest, descriptor) > 0 else { break }
        }
        close()
    }

    private func close() {
        guard isOpen else { return }
        isOpen = false
        try? patience?.cancel()
        bufferevent_free(far)
        // libevent would close it in its next pass, of which there may be none.
        bufferevent_setfd(socket, -1)
        closeInGoodOrder()
        bufferevent_free(socket)
    }

    /// With something of the peer's unread it would be a reset, to a peer that has still to read our last words.
    private func closeInGoodOrder() {
        shutdown(descriptor, Int32(SHUT_RDWR))
        withUnsafeTemporaryAllocation(byteCount: Self.room, alignment: 1) { scratch in
            while recv(descriptor, scratch.baseAddress, scratch.count, Int32(MSG_DONTWAIT)) > 0 {}
        }
        Glibc.close(descriptor)
    }
}
