/// The value of one argument of an endpoint string, with conversions that say what is wrong.
public struct EndpointArgument {
    /// The name of the argument, also where it was given without.
    public let name: String
    /// The value, its backslashes resolved.
    public let text: String

    let string: String
    let depth: Int

    /// The error for a value that is not what is `expected`: `"a file"`.
    public func invalid(expected: String) -> EndpointStringError {
        EndpointStringError(string, .invalidValue(text, of: name, expected: expected))
    }

    /// Anything but nothing.
    public func nonEmpty() throws(EndpointStringError) -> String {
        if text.isEmpty { throw invalid(expected: "not empty") }
        return text
    }

    /// A decimal number.
    public func integer(in range: ClosedRange<Int>) throws(EndpointStringError) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw invalid(expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The mode of a file, in octal digits.
    public func mode() throws(EndpointStringError) -> Int {
        guard let mode = Int(text, radix: 8), (0...0o777).contains(mode) else {
            throw invalid(expected: "a mode from 000 to 777")
        }
        return mode
    }

    /// Seconds, with or without a fraction.
    public func duration() throws(EndpointStringError) -> Duration {
        let isPlain = text.unicodeScalars.allSatisfy { ("0"..."9").contains($0) || $0 == "." }
        guard isPlain, let seconds = Double(text), seconds <= 1e9 else {
            throw invalid(expected: "a number of seconds")
        }
        return .seconds(seconds)
    }

    /// 1 for yes and 0 for no.
    public func flag() throws(EndpointStringError) -> Bool {
        switch text {
        case "0": return false
        case "1": return true
        default: throw invalid(expected: "0 or 1")
        }
    }

    /// A numeric address, with port 0.
    public func address() throws(EndpointStringError) -> SocketAddress {
        do throws(InvalidAddressError) { return try SocketAddress(text, port: 0) } catch {
            throw invalid(expected: "a numeric address")
        }
    }

    /// The endpoint that the value describes, being an endpoint string itself.
    public func server(_ reactor: Reactor) throws -> any StreamServerEndpoint {
        try EndpointParsers.server(reactor, text, depth: depth + 1)
    }

    /// The endpoint that the value describes, being an endpoint string itself.
    public func client(_ reactor: Reactor) throws -> any StreamClientEndpoint {
        try EndpointParsers.client(reactor, text, depth: depth + 1)
    }
}
