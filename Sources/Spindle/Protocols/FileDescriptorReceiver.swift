/// A ``Protocol`` on a UNIX socket that takes the descriptors its peer sends (X2); Twisted's `IFileDescriptorReceiver`.
///
/// ```swift
/// final class Keeper: Protocol, FileDescriptorReceiver {
///     var descriptors: [CInt] = []
///     func fileDescriptorReceived(_ descriptor: consuming ReceivedDescriptor) {
///         descriptors.append(descriptor.release())
///     }
/// }
/// ```
///
/// Descriptors sent to protocols without this method are closed by the kernel.
public protocol FileDescriptorReceiver: AnyObject {
    /// A descriptor came in.
    ///
    /// Descriptors come in the order in which they were sent, each before the `dataReceived` that has the
    /// bytes it was sent with. The kernel does not say which bytes those are, and there may be earlier
    /// ones in front of them: let the bytes say how many descriptors a message has, and keep the descriptors until it is
    /// complete.
    ///
    /// What this throws closes the connection with that error as the reason (S4). A connection whose descriptors
    /// get lost because this process can have no more ends with ``ConnectionLost`` and EMFILE.
    ///
    /// - Parameter descriptor: closed when it goes out of scope, unless it is released before.
    func fileDescriptorReceived(_ descriptor: consuming ReceivedDescriptor) throws
}
