import Logging

/// The watching of a descriptor: what ``Reactor/watch(_:_:priority:_:)`` returns.
///
/// Discarding it changes nothing. To be used on the reactor's thread only.
public final class DescriptorWatch: CustomStringConvertible {
    public let descriptor: CInt
    public let interest: DescriptorInterest

    /// Weak: this may be kept long after the reactor.
    private weak var reactor: Reactor?
    private var body: (() throws -> Void)?
    private var event: Event?
    private var slot = 0

    init(
        _ reactor: Reactor, _ descriptor: CInt, _ interest: DescriptorInterest, priority: Int?,
        _ body: @escaping () throws -> Void
    ) throws(CannotWatchError) {
        self.descriptor = descriptor
        self.interest = interest
        self.reactor = reactor
        self.body = body
        if let code = Descriptor.whyUnwatchable(descriptor) {
            throw CannotWatchError(descriptor: descriptor, errno: code)
        }
        let flags = interest == .read ? Event.Interest.readable : .writable
        let event = Event(reactor.base, descriptor, flags, priority: priority, self)
        do throws(SystemError) { try event.add() } catch {
            throw CannotWatchError(descriptor: descriptor, errno: error.errno)
        }
        self.event = event
        slot = reactor.open.watches.insert(self)
    }

    /// Whether the descriptor is still watched.
    public var isActive: Bool { event != nil }

    /// Ends the watching, at once: the closure is not called any more, and is let go.
    ///
    /// Does nothing if that was done already. The descriptor stays open.
    public func cancel() {
        reactor?.requireThread()
        guard let event = event.take() else { return }
        event.remove()
        event.base.bury(event)
        // Let go of last: what it held may come back to the reactor.
        let body = body.take()
        reactor?.open.watches.remove(slot)
        withExtendedLifetime(body) {}
    }

    /// For example `descriptor 7, watched for reading`.
    public var description: String { "descriptor \(descriptor), watched for \(interest.rawValue)" }
}

extension DescriptorWatch: EventHandler {
    func eventFired() {
        // It may have been cancelled by what came before it in the same pass.
        guard let body else { return }
        do { try body() } catch {
            reactor?.logger.error("the watching of descriptor \(descriptor) for \(interest.rawValue) ends: \(error)")
            cancel()
        }
    }
}

@available(*, unavailable)
extension DescriptorWatch: Sendable {}
