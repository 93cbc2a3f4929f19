/// The mark of something that is done elsewhere and comes back to a reactor, for as long as anybody waits for it.
///
/// A C program's loop goes on for the sake of those.
final class AwaitedAnswer {
    private weak var reactor: Reactor?

    init(_ reactor: Reactor) {
        self.reactor = reactor
        reactor.awaitedAnswers += 1
    }

    /// It has come, or nobody waits any more. Only the first time counts.
    func settle() { reactor.take()?.awaitedAnswers -= 1 }
}
