import Spindle

// The same, for a function inside the task.
func run(_ reactor: Reactor) {
    reactor.spawn {
        func hop() async throws { try reactor.stop() }
        try await hop()
    }
}
