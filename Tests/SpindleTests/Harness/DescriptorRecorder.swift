import Glibc
import Spindle

/// A ``Recorder`` that takes descriptors: notes of which of the files they are, and closes them.
final class DescriptorRecorder: Recorder, FileDescriptorReceiver {
    private let files: NumberedFiles

    /// The files that came, each with how many bytes had come before.
    private(set) var arrivals: [Arrival] = []
    struct Arrival: Equatable {
        let number: Int?
        let bytesBefore: Int
    }

    /// Whether all of them were close-on-exec.
    private(set) var areCloseOnExec = true
    var onDescriptor: (DescriptorRecorder) throws -> Void = { _ in }

    init(_ files: NumberedFiles) { self.files = files }

    var numbers: [Int?] { arrivals.map(\.number) }

    func fileDescriptorReceived(_ descriptor: consuming ReceivedDescriptor) throws {
        arrivals.append(Arrival(number: files.number(of: descriptor.rawValue), bytesBefore: received.count))
        if fcntl(descriptor.rawValue, F_GETFD) & FD_CLOEXEC == 0 { areCloseOnExec = false }
        try onDescriptor(self)
    }

    override func connectionLost(_ reason: any Error) {
        onDescriptor = { _ in }
        super.connectionLost(reason)
    }
}
