import Glibc

/// How much longer than usual to wait for what has to happen: `SPINDLE_TEST_PATIENCE`, for sanitizers, under which all is slow.
package enum Patience {
    package static let factor = getenv("SPINDLE_TEST_PATIENCE").flatMap { Int(String(cString: $0)) } ?? 1
}
