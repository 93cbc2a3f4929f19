import Logging

extension Transport {
    /// How fast the connection may receive and send; nil, as it is from the start, for no limit of its own.
    ///
    /// From when it is first set libevent does all receiving and sending for the connection, also after it was set to nil again. Closing
    /// keeps its promises (W3): it takes as long as the limit makes it, and whoever will not wait says so
    /// (``loseConnection(timeout:)``). Descriptors that are sent or received, and input that is thrown away because the connection
    /// closes, are not limited. On what is not a socket, and after the end, it is nil, and setting it does nothing.
    public final var rateLimit: RateLimit? {
        get { limits.own }
        set {
            guard newValue != limits.own else { return }
            changeLimits { conduit throws(SystemError) in try conduit.limit(to: newValue) }
        }
    }

    /// Those that the connection shares a limit with; nil, as it is from the start, for none. As ``rateLimit`` otherwise.
    public final var rateLimitGroup: RateLimitGroup? {
        get { limits.group }
        set {
            precondition(newValue.map { $0.shared.base === reactor.base } ?? true, "the group is another reactor's")
            guard newValue !== limits.group else { return }
            changeLimits { conduit throws(SystemError) in try conduit.join(newValue) }
        }
    }

    private func changeLimits(_ body: (BufferEvent) throws(SystemError) -> Void) {
        reactor.requireThread()
        do throws(SystemError) {
            if let conduit = try goBuffered() { try body(conduit) }
        } catch {
            reactor.logger.error("the rate limit of \(self) stays as it was: \(error)")
        }
    }
}
