/// A producer and what the transport has told it.
struct RegisteredProducer {
    let producer: any Producer
    let isStreaming: Bool
    var isPaused = false
}
