/// The signals that the process gets, one after the other; see ``Reactor/signals(_:)``.
public struct SignalSequence: AsyncSequence {
    public typealias Element = Int32

    let inbox: SignalInbox

    public func makeAsyncIterator() -> Iterator { Iterator(inbox: inbox) }

    /// Waits for signals, on the reactor's thread.
    public struct Iterator: AsyncIteratorProtocol {
        let inbox: SignalInbox

        /// The next signal; nil when the task is cancelled, as it is when the reactor stops.
        public mutating func next(isolation: isolated (any Actor)?) async -> Int32? {
            await inbox.next(isolation: isolation)
        }
    }
}

extension Reactor {
    /// The signals of these kinds that the process gets from now on.
    ///
    /// ```swift
    /// let hangUps = try reactor.signals(SIGHUP)
    /// reactor.spawn { for await _ in hangUps { configuration.reload() } }
    /// ```
    ///
    /// As ``addSignalHandler(_:_:)``, which says what holds for both, for code that is spawned on the reactor. Signals that
    /// come while nobody waits are kept, one of each kind. They are handled until the sequence is released.
    ///
    /// - Throws: ``CannotHandleSignalError``, ``SystemError`` when the process is out of descriptors.
    public func signals(_ signals: Int32...) throws -> SignalSequence {
        let inbox = SignalInbox(self)
        for signal in signals { try inbox.listen(for: signal) }
        return SignalSequence(inbox: inbox)
    }
}
