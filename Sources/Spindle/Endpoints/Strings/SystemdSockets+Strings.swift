extension SystemdSockets {
    /// The descriptor that the arguments of `systemd:` choose: by name, by index, or by both where several have the name.
    static func chosen(by arguments: inout EndpointArguments) throws(EndpointStringError) -> CInt {
        let sockets: SystemdSockets
        do throws(SystemdSocketsError) { sockets = try inherited() } catch { throw arguments.invalid(error.reason) }
        return try sockets.chosen(by: &arguments)
    }

    func chosen(by arguments: inout EndpointArguments) throws(EndpointStringError) -> CInt {
        let (domain, index, name) = (arguments.named("domain"), arguments.named("index"), arguments.named("name"))
        guard index != nil || name != nil else { throw arguments.invalid("it has neither a name nor an index") }
        if entries.isEmpty { throw arguments.invalid("no socket was handed over by systemd") }
        let candidates = name.map { descriptors(named: $0.text) } ?? entries.map(\.descriptor)
        if candidates.isEmpty {
            let names = Set(entries.map(\.name)).sorted().joined(separator: ", ")
            throw arguments.invalid("no socket of this name was handed over by systemd, only \(names)")
        }
        guard index != nil || candidates.count == 1 else {
            throw arguments.invalid("\(candidates.count) sockets have this name: choose one with index=0 and so on")
        }
        let chosen = candidates[try index?.integer(in: 0...candidates.count - 1) ?? 0]
        if let domain { try Self.check(domain, chosen) }
        return chosen
    }

    private static func check(_ domain: EndpointArgument, _ descriptor: CInt) throws(EndpointStringError) {
        guard let family = try? Socket(descriptor: descriptor).localAddress().family else {
            throw domain.invalid(expected: "that of a socket, and descriptor \(descriptor) is none")
        }
        let name =
            switch family {
            case .ipv4: "INET"
            case .ipv6: "INET6"
            case .unix: "UNIX"
            }
        if domain.text != name { throw domain.invalid(expected: "\(name) here") }
    }
}
