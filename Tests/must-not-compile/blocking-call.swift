import Spindle

// What belongs to the reactor is brought to the thread that asks for it.
func ask(_ handle: ReactorHandle) throws -> ListeningPort {
    try handle.blockingCallFromThread { reactor in try reactor.listenTCP(0, Factory()) }
}
