/// A line is longer than was allowed. It has not been read: what comes next on its connection is its beginning.
public struct LineTooLongError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The longest line that was allowed, in bytes.
    public let maxLength: Int

    public init(maxLength: Int) { self.maxLength = maxLength }

    public var description: String { "a line is longer than \(maxLength) bytes" }
}
