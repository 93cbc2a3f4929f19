import Glibc

/// What the process was started with.
enum ProcessEnvironment {
    /// Removes a variable and returns its value, if it is there.
    static func take(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        defer { unsafe unsetenv(name) }
        return unsafe String(cString: value)
    }

    static var processID: pid_t { getpid() }
}
