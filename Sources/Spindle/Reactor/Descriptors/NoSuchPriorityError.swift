/// A priority was asked for that the loop does not have; see ``Reactor/priorities``.
public struct NoSuchPriorityError: Error, Hashable, Sendable, CustomStringConvertible {
    public let priority: Int
    /// Those that there are.
    public let priorities: Range<Int>

    public var description: String {
        "there is no priority \(priority): the reactor has those from 0, the highest, to \(priorities.upperBound - 1)"
    }
}
