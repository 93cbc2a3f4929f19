import Spindle

extension Factory {
    /// Hands one protocol out, once.
    static func once(_ made: Protocol) -> Factory {
        var next: Protocol? = made
        return Factory { next.take() }
    }
}
