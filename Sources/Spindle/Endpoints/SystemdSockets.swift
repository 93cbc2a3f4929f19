/// The listening sockets that systemd, or a program that does as it does, has opened for this process.
///
/// ```swift
/// for web in try SystemdSockets.inherited().descriptors(named: "web") {
///     try reactor.adoptStreamPort(web, factory)
/// }
/// ```
///
/// They stay open for as long as the process lives: what comes while nobody listens waits, or is served by
/// the next process that systemd starts. For strings: `systemd:name=web`, see ``serverFromString(_:_:)``.
public struct SystemdSockets: Hashable, Sendable {
    /// One of them: its descriptor and, as in `FileDescriptorName=`, its name.
    public struct Entry: Hashable, Sendable {
        public let descriptor: CInt
        public let name: String
    }

    /// In the order in which systemd hands them over: that of the `Listen…=` lines of a unit.
    public let entries: [Entry]

    /// Those of this process; none if it was not started with any.
    ///
    /// The first call reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES and takes them out of the environment, so
    /// that no child process believes them to be meant for it; it also keeps the descriptors from being handed
    /// down. Make it early: a program whose other threads read the environment at the same time is not safe.
    ///
    /// - Throws: ``SystemdSocketsError`` if these contradict themselves or the descriptors there are.
    public static func inherited() throws(SystemdSocketsError) -> SystemdSockets { try ofProcess.get() }

    private static let ofProcess = Result { () throws(SystemdSocketsError) in
        try SystemdSockets(ProcessEnvironment.take)
    }

    init(entries: [Entry]) { self.entries = entries }

    /// - Parameter take: removes a variable and returns its value.
    init(_ take: (String) -> String?) throws(SystemdSocketsError) {
        let variables = (pid: take("LISTEN_PID"), count: take("LISTEN_FDS"), names: take("LISTEN_FDNAMES"))
        guard let owner = variables.pid, owner == String(ProcessEnvironment.processID), let number = variables.count
        else {
            // Nothing there, or for a parent of ours that forgot to clean up.
            entries = []
            return
        }
        guard let count = CInt(number), (0...Self.most).contains(count) else {
            throw SystemdSocketsError(reason: "LISTEN_FDS is \"\(number)\", which is no number of sockets")
        }
        // Before version 227 there were no names; systemd's own library calls such sockets "unknown".
        let names =
            variables.names?.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            ?? Array(repeating: "unknown", count: Int(count))
        guard names.count == count else {
            throw SystemdSocketsError(
                reason: "LISTEN_FDNAMES has \(names.count) names, and LISTEN_FDS is \(count)")
        }
        entries = zip(Self.first..<(Self.first + count), names).map { Entry(descriptor: $0, name: $1) }
        for entry in entries {
            guard Socket(descriptor: entry.descriptor).closeOnExec() else {
                throw SystemdSocketsError(reason: "descriptor \(entry.descriptor), \"\(entry.name)\", is not open")
            }
        }
    }

    /// The number of the first descriptor, and more of them than anybody has.
    private static let (first, most): (CInt, CInt) = (3, 1 << 16)

    /// All those with a name: two `Listen…=` lines of one unit make two.
    public func descriptors(named name: String) -> [CInt] {
        entries.filter { $0.name == name }.map(\.descriptor)
    }
}

/// What systemd's variables say of the sockets handed over cannot be.
public struct SystemdSocketsError: Error, Hashable, Sendable, CustomStringConvertible {
    public let reason: String
    public var description: String { "sockets of systemd: \(reason)" }
}
