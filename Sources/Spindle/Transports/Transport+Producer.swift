/// A transport can be the producer of another one: a proxy registers each of its two with the other.
extension Transport: Producer {
    /// Closes, as ``loseConnection()`` does.
    public func stopProducing() { loseConnection() }

    /// Called when it is lost or its peer has finished: it produces nothing more, and a consumer that waits for it to
    /// finish before closing (W4) need not.
    package final func leaveConsumer() { consumer.take()?.producerEnded(self) }
}
