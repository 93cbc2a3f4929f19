/// What is open on a reactor. These references keep it alive.
struct OpenThings {
    var ports = SlotMap<ListeningPort>()
    var connections = SlotMap<StreamTransport>()
    var attempts = SlotMap<ConnectAttempt>()
    var tasks = SlotMap<SpawnedTask>()
    var watches = SlotMap<DescriptorWatch>()
    let timers: TimerQueue

    /// Every kind there is, in the order in which they end.
    var lists: [any OpenList] { [ports, connections, attempts, timers, tasks, watches] }

    /// Whether there is nothing. Asked after each entry on an adopted base, so that it makes no list of lists.
    var isEmpty: Bool {
        connections.isEmpty && ports.isEmpty && attempts.isEmpty && tasks.isEmpty && watches.isEmpty
            && timers.count == 0
    }
}

extension ListeningPort: OpenThing {
    static let noun = "port"
    static func isAwaited(isOutOfTime: Bool) -> Bool { false }
    func reactorEnds(_ stage: ReactorEnding) {
        // Later there is no time to serve anybody.
        if case .closing = stage { stopListening() } else { stop(serving: [], self) }
    }
    var line: String { "port \(self)" }
}

extension StreamTransport: OpenThing {
    static let noun = "connection"
    static func isAwaited(isOutOfTime: Bool) -> Bool { true }
    func reactorEnds(_ stage: ReactorEnding) {
        if case .closing = stage { beginClosing() } else { abort() }
    }
    var line: String { "connection \(self)" }
}

extension ConnectAttempt: OpenThing {
    static let noun = "attempt"
    static func isAwaited(isOutOfTime: Bool) -> Bool { true }
    func reactorEnds(_ stage: ReactorEnding) { fail(stage.error) }
    var line: String { "attempt to connect to \(destination)" }
}

extension SpawnedTask: OpenThing {
    static let noun = "task"
    static func isAwaited(isOutOfTime: Bool) -> Bool { !isOutOfTime }
    func reactorEnds(_ stage: ReactorEnding) { cancel() }
    var line: String { "task spawned at \(origin)" }
}

extension DescriptorWatch: OpenThing {
    static let noun = "watched descriptor"
    static func isAwaited(isOutOfTime: Bool) -> Bool { false }
    // What closes may still need it.
    func reactorEnds(_ stage: ReactorEnding) { if case .over = stage { cancel() } }
    var line: String { "\(self)" }
}

extension TimerQueue: OpenList {
    var noun: String { "delayed call" }
    var lines: [String] { calls.map { "\($0)" } }
    func isAwaited(isOutOfTime: Bool) -> Bool { false }
    // What closes may still need them.
    func end(_ stage: ReactorEnding) { if case .over = stage { abandonAll() } }
}
