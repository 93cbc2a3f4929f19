/// The untyped part of a Deferred: running chains of any length without recursion.
///
/// Public only because ``Deferred`` is a subclass.
public class DeferredNode {
    private var isRunning = false

    /// The Deferred whose result this one waits for, if it is the outcome of a callback.
    weak var awaited: DeferredNode?

    init() {}

    enum Step {
        case ran(continuing: DeferredNode?)
        case done
    }

    /// Runs one waiting link, if there is one and the result is there.
    func runNextLink() -> Step { .done }

    /// Gives up what waits for this Deferred, for dismantling it.
    func takeSuccessors() -> [DeferredNode] { [] }

    /// Cancels the work behind this very Deferred.
    func cancelHere() {}

    /// Where a chain's work is done now: what cancelling any part of the chain has to stop.
    ///
    /// Of Deferreds that wait for each other in a circle it is one of them.
    final var innermostAwaited: DeferredNode {
        var node = self
        // Brent's way to notice a circle: a mark that moves on to where we are after 1, 2, 4, 8 ... steps.
        var mark = self
        var steps = 0
        var limit = 1
        while let next = node.awaited, next !== mark {
            node = next
            steps += 1
            if steps == limit {
                mark = node
                steps = 0
                limit *= 2
            }
        }
        return node
    }

    /// Passes the result to everything that waits for it, depth first, on a stack of our own.
    final func runLinks() {
        guard !isRunning else { return }
        isRunning = true
        var node = self
        // Those that go on when `node` is done.
        var stack: [DeferredNode] = []
        while true {
            switch node.runNextLink() {
            case .ran(let next?) where !next.isRunning:
                next.isRunning = true
                stack.append(node)
                node = next
            case .ran: break
            case .done:
                node.isRunning = false
                guard let last = stack.popLast() else { return }
                node = last
            }
        }
    }

    /// Releases a chain link by link: left to itself, releasing a long one would recurse to its end.
    final func releaseLinks() {
        var nodes = takeSuccessors()
        while var node = nodes.popLast() {
            if isKnownUniquelyReferenced(&node) { nodes += node.takeSuccessors() }
        }
    }
}
