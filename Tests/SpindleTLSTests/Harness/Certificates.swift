import Glibc
import SpindleTLS
import Testing

/// The certificates of the tests, which a script makes once for each run of them.
enum Certificates {
    static let directory: String = {
        var template = Array("/tmp/spindle-tls-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "mkdtemp: \(errno)")
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        atexit { Certificates.remove() }
        let script = "\(#filePath)".split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/Certificates/make"
        let made = try? Program("bash", script, path).wait()
        precondition(made?.status == 0, "Tests/Certificates/make fails: \(made?.output ?? "")")
        return path
    }()

    private static func remove() { _ = try? Program("rm", "-rf", directory).wait() }

    static func file(_ name: String) -> String { "\(directory)/\(name)" }

    static func server(
        _ name: String = "server", _ settings: (inout TLSConfiguration) -> Void = { _ in }
    ) throws -> TLSConfiguration {
        try .server(
            certificateChain: .file(file("\(name).pem")), privateKey: .file(file("\(name).key")), settings)
    }

    /// One that believes the tests' own authority.
    static func client(_ settings: (inout TLSConfiguration) -> Void = { _ in }) throws -> TLSConfiguration {
        try .client {
            $0.trustRoots = .file(file("root.pem"))
            settings(&$0)
        }
    }

    static func identity(_ name: String) -> TLSConfiguration.Identity {
        TLSConfiguration.Identity(
            certificateChain: .file(file("\(name).pem")), privateKey: .file(file("\(name).key")))
    }
}
