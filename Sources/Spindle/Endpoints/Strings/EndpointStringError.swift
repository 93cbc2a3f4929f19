/// An endpoint string that is none: which, and what is wrong with it.
///
/// Its description is one line for the person who wrote the string:
/// `endpoint "tpc:80": there is no "tpc", only stdio, systemd, tcp, tcp6, unix`.
public struct EndpointStringError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Problem: Hashable, Sendable {
        /// Nobody has registered this prefix; these are there.
        case unknownPrefix(String, known: [String])
        /// There is no argument of this name; these are there.
        case unknownArgument(String, known: [String])
        /// A value without a name, where no more of them are taken.
        case excessArgument(String)
        case missingArgument(String)
        case repeatedArgument(String)
        /// A value that its argument cannot have.
        case invalidValue(String, of: String, expected: String)
        /// Anything else.
        case other(String)
    }

    /// The string.
    public let string: String
    public let problem: Problem

    public init(_ string: String, _ problem: Problem) {
        self.string = string
        self.problem = problem
    }

    public var description: String { "endpoint \"\(string)\": \(problemText)" }

    private var problemText: String {
        switch problem {
        case .unknownPrefix(let prefix, let known): "there is no \"\(prefix)\", only \(Self.list(known))"
        case .unknownArgument(let name, let known): "there is no argument \"\(name)\", only \(Self.list(known))"
        case .excessArgument(let value):
            "\"\(value)\" is one argument too many; a colon within an argument is written \\:"
        case .missingArgument(let name): "the argument \"\(name)\" is missing"
        case .repeatedArgument(let name): "the argument \"\(name)\" is there twice"
        case .invalidValue(let value, let name, let expected):
            "\"\(value)\" is no value for the argument \"\(name)\", which is \(expected)"
        case .other(let text): text
        }
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.joined(separator: ", ")
    }
}
