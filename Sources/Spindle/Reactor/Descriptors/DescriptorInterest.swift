/// What a descriptor is watched for.
public enum DescriptorInterest: String, Hashable, Sendable, CaseIterable {
    /// There is something to read, or the other side has finished, or the descriptor has failed.
    case read = "reading"
    /// There is room for something to be written, or the descriptor has failed.
    case write = "writing"
}
