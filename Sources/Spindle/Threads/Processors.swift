internal import CLinux

/// How many processors this process may use.
enum Processors {
    /// At least one: those it may be scheduled on, or fewer where a control group gives it less time than theirs.
    static var available: Int {
        let scheduled = max(1, Int(spindle_processor_count()))
        return quotas.reduce(scheduled) { min($0, max(1, Int($1.rounded(.up)))) }
    }

    /// The limits of the process's control group and those around it, in processors.
    private static var quotas: [Double] {
        guard let groups = text(of: "/proc/self/cgroup") else { return [] }
        // Version 2 has one hierarchy, numbered 0; a container sees itself as its root.
        guard let own = groups.split(separator: "\n").first(where: { $0.hasPrefix("0::") })?.dropFirst(3) else {
            return []
        }
        var names = own.split(separator: "/")
        var found: [Double] = []
        while true {
            let directory = names.map { "/\($0)" }.joined()
            if let limit = text(of: "/sys/fs/cgroup\(directory)/cpu.max").flatMap(quota(in:)) { found.append(limit) }
            if names.popLast() == nil { return found }
        }
    }

    /// What `cpu.max` says: microseconds of processor time in a period of so many, or "max".
    static func quota(in text: String) -> Double? {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let time = Double(words[0]), let period = Double(words[1]), period > 0 else {
            return nil
        }
        return time / period
    }

    private static func text(of path: String) -> String? {
        guard let file = try? File(path: path) else { return nil }
        defer { file.close() }
        return (try? file.read(at: 0, 4096)).map { String(decoding: $0, as: UTF8.self) }
    }
}
