/// Asks the system's resolver, getaddrinfo(3), on threads of its own: the default of every reactor.
///
/// So what the system is set up for works: /etc/hosts, /etc/resolv.conf, mDNS and whatever else
/// nsswitch.conf(5) names. A name that is not ASCII is looked up by its IDNA form, where the machine has libidn2.
///
/// A slow look-up keeps nobody waiting until ``threadLimit`` of them are slow at once, and other slow work
/// on other threads keeps no look-up waiting (H2). A thread is made when a look-up finds none free and ends when
/// no look-up is left; a reactor that looks up no names has none. No thread holds up the end of the
/// reactor or of the process.
///
/// Cancelling is immediate for whoever waits. A look-up that has not begun is then dropped; the
/// system cannot be told to give up one that has, so its answer is thrown away when it comes.
public final class ThreadedResolver: Resolver {
    /// How many look-ups may be under way at once. The others wait their turn.
    public let threadLimit: Int

    typealias Ask = @Sendable (_ name: String, SocketAddress.Family) -> Result<[SocketAddress], any Error>

    private let threads: Workers
    private let ask: Ask

    /// - Parameter threadLimit: at least 1. Connecting to a name needs two look-ups, one for each family.
    public convenience init(threadLimit: Int = 8) { self.init(threadLimit: threadLimit, ask: SystemLookUp.ask) }

    /// - Parameter ask: does one look-up, on whichever thread.
    init(threadLimit: Int, ask: @escaping Ask, start: @escaping Workers.Start = DetachedThread.start) {
        self.threadLimit = max(1, threadLimit)
        self.ask = ask
        threads = Workers(size: 0...self.threadLimit, idleTime: .zero, start: start)
    }

    var statistics: ThreadPool.Statistics { threads.statistics }

    public func lookUp(
        _ name: String, _ family: SocketAddress.Family, on reactor: Reactor
    ) -> Deferred<[SocketAddress]> {
        threads.answer(on: reactor, Origin(fileID: #fileID, line: #line)) { [ask] refusal in
            if let refusal { throw DNSLookupError(name: name, reason: "\(refusal)") }
            return try ask(name, family).get()
        }
    }
}
