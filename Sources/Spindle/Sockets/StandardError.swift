import Glibc

/// Standard error, for a program's last words.
enum StandardError {
    static func print(_ line: String) {
        var text = line + "\n"
        _ = text.withUTF8 { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
