import Spindle

extension StreamFuzz {
    /// A protocol that is told of each direction's end and takes descriptors.
    private final class HalfCloser: Recorder, HalfCloseProtocol, FileDescriptorReceiver {
        var onEnd: (String) throws -> Void = { _ in }
        var onDescriptor: () throws -> Void = {}

        func readConnectionLost() throws { try onEnd("readConnectionLost") }
        func writeConnectionLost() throws { try onEnd("writeConnectionLost") }
        func fileDescriptorReceived(_ descriptor: consuming ReceivedDescriptor) throws { try onDescriptor() }

        override func connectionLost(_ reason: any Error) {
            (onEnd, onDescriptor) = ({ _ in }, {})
            super.connectionLost(reason)
        }
    }

    /// A protocol that does something at random in each of its callbacks, and checks that they may come.
    func makeProtocol() -> Recorder {
        let made = random.oneIn(2) ? makeHalfCloser() : Recorder()
        made.keepsNothing = true
        made.onMade = { [self] _ in
            isMade = true
            peer.connectionMade()
            log.check(losses == 0, "connectionMade came after connectionLost")
            try callback("connectionMade")
        }
        made.onData = { [self] me, data in
            let bytes = Array(copying: data)
            try callback("dataReceived \(bytes.count)") {
                log.check(me === current, "data came for a protocol that was switched away from")
                log.check(!me.transport.isPaused, "data came while paused")
                log.check(!isClosing, "data came after closing")
                log.check(losses == 0, "data came after connectionLost")
                log.check(
                    bytes == FuzzPattern.bytes(from: received, bytes.count), "the input differs after \(received) bytes"
                )
                received += bytes.count
            }
        }
        made.onLost = { [self] me in lost(me) }
        return made
    }

    private func makeHalfCloser() -> Recorder {
        let made = HalfCloser()
        made.onEnd = { [self] name in try callback(name) }
        made.onDescriptor = { [self, unowned made] in
            try callback("fileDescriptorReceived") {
                descriptorsReceived += 1
                log.check(made === current, "a descriptor came for a protocol that was switched away from")
                log.check(!made.transport.isPaused && !isClosing && losses == 0, "a descriptor came out of place")
            }
        }
        return made
    }

    private func lost(_ me: Recorder) {
        log.note("<connectionLost \(me.reason.map { "\($0)" } ?? "")>")
        log.check(me === current, "connectionLost came for a protocol that was switched away from")
        losses += 1
        log.check(losses == 1, "connectionLost came twice")
        log.check(!isInCallback, "connectionLost came inside another callback")
        if me.reason is ConnectionAborted { log.check(mayAbort, "aborted by nobody") }
        wasClosing = isClosing
        (isInCallback, isClosing) = (true, true)
        for _ in 0..<3 { try? act() }
        isInCallback = false
    }
}
