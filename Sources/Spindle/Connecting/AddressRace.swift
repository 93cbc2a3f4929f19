import Glibc

/// Tries the addresses of a host, as RFC 8305 has it ("happy eyeballs"): the families take turns, a new attempt
/// begins every 250 ms or as soon as one fails, the first to connect wins, and the others are given up.
///
/// It knows nothing of sockets: what it races are attempts that somebody else makes (E3).
final class AddressRace<Entrant> {
    /// Makes one attempt, calls back once in a later pass, and returns what calls the attempt off.
    typealias Start = (SocketAddress, @escaping (Result<Entrant, any Error>) -> Void) -> () -> Void

    private let reactor: Reactor
    private let start: Start
    private let nothingFound: any Error
    private var completion: ((Result<Entrant, any Error>) -> Void)?

    /// Addresses that were not tried yet, by family, the preferred one first.
    private var waiting: [(family: SocketAddress.Family, addresses: [SocketAddress])]
    /// Whose turn it is in `waiting`.
    private var turn = 0
    private var unanswered: Int
    private var running: [Int: () -> Void] = [:]
    private var attempts = 0
    private var failures: [any Error] = []
    private var nextAttempt: DelayedCall?
    private var resolutionDelay: DelayedCall?
    private var hasBegun = false

    /// Between the beginnings of two attempts.
    static var attemptDelay: Duration { .milliseconds(250) }
    /// How long the answer for the preferred family is waited for when the other is there.
    static var resolutionDelay: Duration { .milliseconds(50) }

    /// - Parameter nothingFound: the error if every look-up succeeds and none has an address.
    init(
        _ reactor: Reactor, _ families: [SocketAddress.Family], nothingFound: any Error, start: @escaping Start,
        completion: @escaping (Result<Entrant, any Error>) -> Void
    ) {
        self.reactor = reactor
        self.nothingFound = nothingFound
        self.start = start
        self.completion = completion
        waiting = families.map { ($0, []) }
        unanswered = families.count
    }

    // MARK: - What is to be tried

    /// The look-up of one family has answered. To be called once for each family.
    func found(_ family: SocketAddress.Family, _ answer: Result<[SocketAddress], any Error>) {
        guard completion != nil, let place = waiting.firstIndex(where: { $0.family == family }) else { return }
        unanswered -= 1
        switch answer {
        case .success(let addresses): waiting[place].addresses += addresses
        case .failure(let error): failures.append(error)
        }
        if hasBegun { return goOn() }
        let isPreferredThere = place == 0 && !waiting[0].addresses.isEmpty
        if isPreferredThere || unanswered == 0 {
            begin()
        } else if resolutionDelay == nil, !waiting[place].addresses.isEmpty {
            resolutionDelay = reactor.callLater(Self.resolutionDelay) { [weak self] in self?.begin() }
        }
    }

    /// Gives up every attempt. The completion is not called.
    func cancel() {
        completion = nil
        settle()
    }

    // MARK: - Racing

    private func begin() {
        try? resolutionDelay.take()?.cancel()
        hasBegun = true
        tryNext()
    }

    /// There may be something new to try, or nothing left to wait for.
    private func goOn() {
        if running.isEmpty || nextAttempt == nil { tryNext() }
    }

    private func tryNext() {
        try? nextAttempt.take()?.cancel()
        guard completion != nil else { return }
        guard let address = takeNext() else {
            if running.isEmpty, unanswered == 0 { finish(.failure(verdict)) }
            return
        }
        let number = attempts
        attempts += 1
        running[number] = start(address) { [weak self] in self?.ended(number, $0) }
        // A numeric address costs no timer.
        guard unanswered > 0 || waiting.contains(where: { !$0.addresses.isEmpty }) else { return }
        nextAttempt = reactor.callLater(Self.attemptDelay) { [weak self] in
            self?.nextAttempt = nil
            self?.tryNext()
        }
    }

    /// The families take turns; one that has no more addresses is passed over.
    private func takeNext() -> SocketAddress? {
        for _ in waiting {
            defer { turn = (turn + 1) % waiting.count }
            if !waiting[turn].addresses.isEmpty { return waiting[turn].addresses.removeFirst() }
        }
        return nil
    }

    private func ended(_ number: Int, _ result: Result<Entrant, any Error>) {
        running[number] = nil
        switch result {
        case .success: finish(result)
        case .failure(let error):
            failures.append(error)
            tryNext()
        }
    }

    private func finish(_ result: Result<Entrant, any Error>) {
        let completion = completion.take()
        settle()
        completion?(result)
    }

    private func settle() {
        try? nextAttempt.take()?.cancel()
        try? resolutionDelay.take()?.cancel()
        let losers = running.values
        running = [:]
        for giveUp in losers { giveUp() }
    }

    /// Of several failures the first that tells of the host. The others are about this machine: that it
    /// has no way to one of the addresses, or was given none in one family.
    private var verdict: any Error {
        failures.first { !$0.isAboutThisMachine } ?? failures.first { !($0 is DNSLookupError) } ?? failures.first
            ?? nothingFound
    }
}

extension Error {
    fileprivate var isAboutThisMachine: Bool {
        switch self {
        case is NoRouteError, is DNSLookupError: true
        // What IPv6 comes to on a machine that has it switched off.
        case let error as ConnectError: error.errno == EAFNOSUPPORT || error.errno == EADDRNOTAVAIL
        default: false
        }
    }
}
