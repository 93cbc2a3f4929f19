/// How fast bytes may be received and sent, in bytes per second; nil is as fast as they go.
///
/// ```swift
/// transport.rateLimit = RateLimit(write: 64 * 1024)
/// ```
///
/// It is kept by token buckets: every ``tick`` adds its share of the rate to what may go now, up to the burst. What is over is
/// not lost: what is to be sent waits, as it does for a slow peer (P2), and what is to be received waits in the
/// kernel, so that the peer has to.
public struct RateLimit: Sendable, Hashable {
    /// Bytes received in a second; at least 1.
    public var read: Int?
    /// Bytes sent in a second; at least 1.
    public var write: Int?
    /// How much may be received at once after a time in which less than allowed was; nil, and no less, is what comes with a tick.
    public var readBurst: Int?
    /// As ``readBurst``, for what is sent.
    public var writeBurst: Int?
    /// How often more may go, from a millisecond to a second; longer than asked for where a tick would not even bring one byte. More than
    /// 2 GiB cannot go in one.
    /// libevent looks at its clock, which is up to 4 ms behind.
    public var tick: Duration

    public init(
        read: Int? = nil, write: Int? = nil, readBurst: Int? = nil, writeBurst: Int? = nil,
        tick: Duration = .milliseconds(100)
    ) {
        self.read = read
        self.write = write
        self.readBurst = readBurst
        self.writeBurst = writeBurst
        self.tick = tick
    }
}
