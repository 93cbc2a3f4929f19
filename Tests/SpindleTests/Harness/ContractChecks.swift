import Glibc
import Spindle
import Testing

/// Notes which rule was checked on which transport, in the file that `SPINDLE_CONTRACT_CHECKS` names, a line
/// for each; scripts/test counts them.
enum ContractChecks {
    private static let file: CInt? = getenv("SPINDLE_CONTRACT_CHECKS").map { path in
        open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    }

    static func note(_ kind: StreamKind) {
        guard let file, let test = Test.current else { return }
        let line = Array("\(kind.rawValue)\t\(test.displayName ?? test.name)\n".utf8)
        // One write, so that lines of several threads do not mix.
        _ = line.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    }
}
