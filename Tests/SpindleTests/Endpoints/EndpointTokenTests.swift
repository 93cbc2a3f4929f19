import TestSupport
import Testing

@testable import Spindle

/// Rule E2: the grammar of endpoint strings.
@Suite struct EndpointTokenTests {
    private typealias Field = EndpointTokens.Field

    private func fields(_ string: String) throws -> [Field] { try EndpointTokens(string).fields }

    private func value(_ value: String) -> Field { Field(name: nil, value: value) }

    private func named(_ name: String, _ value: String) -> Field { Field(name: name, value: value) }

    @Test("E2: values, named values, and backslashes")
    func grammar() throws {
        #expect(try EndpointTokens("tcp:80").prefix == "tcp")
        #expect(try fields("a:b:d=1:c") == [value("b"), named("d", "1"), value("c")])
        #expect(try fields("stdio:") == [])
        #expect(try fields("stdio") == [])
        #expect(try fields("a::b") == [value(""), value("b")])
        #expect(try fields("a:b=") == [named("b", "")])
        #expect(try fields("a:=b") == [named("", "b")])
        // Only the first equals sign gives a name.
        #expect(try fields("a:b=c=d:e=f") == [named("b", "c=d"), named("e", "f")])
        #expect(try fields(#"a:b\:c"#) == [value("b:c")])
        #expect(try fields(#"a:b\=c"#) == [value("b=c")])
        #expect(try fields(#"a:b\\c"#) == [value(#"b\c"#)])
        #expect(try fields(#"a:\b\c"#) == [value("bc")])
        #expect(try fields(#"a:na\:me=val\:ue"#) == [named("na:me", "val:ue")])
        #expect(try EndpointTokens(#"a\:b:c"#).prefix == "a:b")
        // A colon is one whatever is put on top of it.
        #expect(try fields("a:\u{301}b") == [value("\u{301}b")])
    }

    @Test("E2: what is behind the prefix can be had as it was written")
    func rest() throws {
        #expect(try EndpointTokens(#"haproxy:tcp:80:interface=\:\:"#).rest == #"tcp:80:interface=\:\:"#)
        #expect(try EndpointTokens(#"a\:b:c"#).rest == "c")
        #expect(try EndpointTokens("stdio").rest == "")
        #expect(try EndpointTokens("stdio:").rest == "")
    }

    @Test(
        "E2: what is no endpoint string is refused",
        arguments: ["", ":", ":80", "=", "tcp=80", "a=b:c", "\\", "tcp:\\"])
    func malformed(string: String) {
        #expect(throws: EndpointStringError.self) { try EndpointTokens(string) }
    }

    @Test("E2: a quoted argument comes back as it was, whatever it is")
    func quoting() throws {
        #expect(quoteStringArgument("some : path") == #"some \: path"#)
        #expect(quoteStringArgument(#"c:\a=b"#) == #"c\:\\a\=b"#)
        #expect(quoteStringArgument("") == "")
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<2000 {
            let (one, other) = (Self.random(&generator), Self.random(&generator))
            let string = "x:\(quoteStringArgument(one)):\(quoteStringArgument(other))=\(quoteStringArgument(one)):y"
            let fields = try fields(string)
            // By scalars: the pieces may combine with each other, and strings compare by what they look like.
            #expect(fields.count == 3 && fields[0].name == nil)
            #expect(fields[0].value.unicodeScalars.elementsEqual(one.unicodeScalars))
            #expect(fields[1].name?.unicodeScalars.elementsEqual(other.unicodeScalars) == true)
            #expect(fields[1].value.unicodeScalars.elementsEqual(one.unicodeScalars))
        }
    }

    /// Some text, rich in what has a meaning here.
    static func random(_ generator: inout SeededGenerator) -> String {
        let pieces = [
            ":", "=", "\\", "@", "\0", "\u{301}", "\r\n", "é", "💡", "0", "80", "-1", "99999999999999999999", "tcp",
            "tcp6",
            "unix", "systemd", "host", "port", "interface", "backlog", "mode", "lockfile", "timeout", "name", "index",
            "domain", "bindAddress", "127.0.0.1", "::1", "nan", "1e400", "/tmp/x",
        ]
        let count = Int.random(in: 0...8, using: &generator)
        return (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
    }
}
