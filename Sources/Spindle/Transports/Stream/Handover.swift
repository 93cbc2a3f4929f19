/// What a protocol leaves to the one that takes its connection over.
final class Handover {
    private let former: Protocol
    /// What `former` was given and passes on.
    private let rest: [UInt8]
    /// One that `former` itself was to have, and never heard of.
    private let earlier: Handover?

    init(from former: Protocol, _ rest: [UInt8], behind earlier: Handover?) {
        self.former = former
        self.rest = rest
        self.earlier = earlier
    }

    /// The bytes, in their order. To be called once, with no callback on the stack.
    func take() -> [UInt8] { (earlier?.take() ?? []) + rest + former.takeUnusedBytes() }
}
