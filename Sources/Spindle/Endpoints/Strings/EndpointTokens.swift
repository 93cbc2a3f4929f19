/// An endpoint string taken apart: `prefix:value:name=value`, where a backslash makes the character behind it an
/// ordinary one.
struct EndpointTokens {
    /// What is between two colons.
    struct Field: Equatable {
        /// Nil for a value without a name.
        let name: String?
        let value: String
    }

    let prefix: String
    let fields: [Field]
    /// Everything behind the first colon, as it was written.
    let rest: String

    init(_ string: String) throws(EndpointStringError) {
        var fields: [Field] = []
        var name: String?
        var current = String.UnicodeScalarView()
        var restStart: String.Index?
        // By scalars: a combining mark would make a character of its own of the colon before it.
        let scalars = string.unicodeScalars
        var index = scalars.startIndex
        while index < scalars.endIndex {
            var scalar = scalars[index]
            index = scalars.index(after: index)
            switch scalar {
            case ":":
                fields.append(Field(name: name, value: String(current)))
                name = nil
                current = String.UnicodeScalarView()
                restStart = restStart ?? index
            case "=" where name == nil:
                name = String(current)
                current = String.UnicodeScalarView()
            default:
                if scalar == "\\" {
                    guard index < scalars.endIndex else {
                        throw EndpointStringError(string, .other("there is nothing behind the last backslash"))
                    }
                    scalar = scalars[index]
                    index = scalars.index(after: index)
                }
                current.append(scalar)
            }
        }
        fields.append(Field(name: name, value: String(current)))
        let first = fields.removeFirst()
        guard first.name == nil, !first.value.isEmpty else {
            throw EndpointStringError(string, .other("it does not begin with the kind of the endpoint, as in tcp:80"))
        }
        prefix = first.value
        // "stdio:" has no arguments, and not an empty one.
        self.fields = fields == [Field(name: nil, value: "")] ? [] : fields
        rest = restStart.map { String(scalars[$0...]) } ?? ""
    }
}

/// Writes a value so that it is one value within an endpoint string, whatever it contains.
///
/// ```swift
/// try serverFromString(reactor, "unix:\(quoteStringArgument(path)):mode=660")
/// ```
public func quoteStringArgument(_ argument: String) -> String {
    var quoted = String.UnicodeScalarView()
    for scalar in argument.unicodeScalars {
        if scalar == ":" || scalar == "=" || scalar == "\\" { quoted.append("\\") }
        quoted.append(scalar)
    }
    return String(quoted)
}
