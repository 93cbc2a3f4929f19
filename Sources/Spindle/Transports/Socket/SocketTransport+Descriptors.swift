import Glibc
import Logging

// Descriptors go out and come in with the bytes, in order (X2).
extension SocketTransport {
    // MARK: - Sending

    /// Sends a copy of `descriptor` with the first byte of `data`, behind all that was written before.
    func post(_ descriptor: CInt, _ data: RawSpan) throws(CannotSendDescriptorError) {
        guard peer.family == .unix, filtering == nil else { throw CannotSendDescriptorError(.notUNIX) }
        guard data.byteCount > 0 else { throw CannotSendDescriptorError(.noData) }
        guard acceptsWrites else { return pauseProducer() }
        let copy: CInt
        do throws(SystemError) { copy = try Descriptor.copy(of: descriptor) } catch {
            throw CannotSendDescriptorError(.kernel(errno: error.errno))
        }
        let mail = requiredMail()
        sendGathered()
        // A producer that was paused by this may have closed the connection.
        guard writeError == nil, state != .closed else { return Socket(descriptor: copy).close() }
        reactor.bytesWritten += data.byteCount
        mail.append(copy, data)
        sendMail()
        guard writeError == nil else { return }
        measureBacklog()
        if isBacklogged { backlogGrew() }
        // A pull producer is asked for more when this has gone.
        if producer != nil { queueFlush() }
    }

    /// Sends what waits with descriptors, as far as nothing waits before it.
    func sendMail() {
        guard let mail, writeError == nil else { return }
        do throws(SystemError) {
            while (conduit?.outputLength ?? 0) == 0, let (bytes, count) = try mail.sendFirst() {
                guard count < bytes.count else { continue }
                try bytes.withRawSpan { data throws(SystemError) in
                    try appendToConduit(data.extracting(count...))
                }
            }
        } catch {
            writingFailed(error)
        }
    }

    private func requiredMail() -> DescriptorMail {
        if let mail { return mail }
        let made = DescriptorMail(self)
        mail = made
        return made
    }

    // MARK: - Receiving

    /// Descriptors are received only if the protocol takes them: otherwise the kernel closes them.
    func learnWhetherDescriptorsAreTaken() {
        let wereTaken = takesDescriptors
        takesDescriptors = peer.family == .unix && filtering == nil && connectedProtocol is any FileDescriptorReceiver
        // Where bufferevents do the receiving they do not do this.
        guard takesDescriptors != wereTaken, !isDirect, isReading, !peerHasFinished else { return }
        stopReceiving()
        startReceiving()
    }

    /// Receives into the reactor's buffer. Descriptors that have come go to the protocol first; if that one then
    /// wants no bytes now, these are kept.
    func receiveWithDescriptors() -> ReceiveBuffer.Outcome {
        let mail = requiredMail()
        let outcome = mail.receive()
        if case .failed(let error) = outcome, error.errno == EMFILE {
            reactor.logger.error("descriptors from \(peer) were lost, closing the connection: \(error)")
        }
        deliverDescriptors()
        guard case .received(let count) = outcome, !isDelivering else { return outcome }
        guard state == .open else {
            mail.closeReceived()
            return .empty
        }
        do throws(SystemError) {
            try reactor.receiveBuffer.withBytes(count) { data throws(SystemError) in try keep(data) }
        } catch {
            return .failed(error)
        }
        return .empty
    }

    /// Hands over the descriptors that have come, until somebody stops it.
    func deliverDescriptors() {
        guard let mail, isDelivering else { return }
        guard let receiver = connectedProtocol as? any FileDescriptorReceiver else { return mail.closeReceived() }
        while isDelivering, let descriptor = mail.takeReceived() {
            do { try receiver.fileDescriptorReceived(ReceivedDescriptor(owning: descriptor)) } catch {
                callbackThrew("fileDescriptorReceived", error)
            }
        }
    }
}
