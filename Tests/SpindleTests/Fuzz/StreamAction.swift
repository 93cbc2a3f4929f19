import TestSupport

/// What a user may do with a connection.
enum StreamAction: CaseIterable {
    case write, pause, resume, setMarks, awaitDrain
    case register, registerEnded, unregister
    case sendFile, cancelFile, sendDescriptor
    case loseWrite, lose, loseWithin, abort
    case switchProtocol, throwError, look, nothing

    /// How likely it is, beside the others.
    private var weight: Int {
        switch self {
        case .write: 48
        case .nothing, .resume: 24
        case .pause, .register: 12
        case .setMarks, .awaitDrain, .unregister, .sendDescriptor: 6
        case .sendFile, .loseWrite: 3
        case .cancelFile, .lose, .loseWithin, .switchProtocol, .look, .registerEnded: 2
        case .abort, .throwError: 1
        }
    }

    private static let all = allCases.flatMap { Array(repeating: $0, count: $0.weight) }

    static func random(_ generator: inout SeededGenerator) -> StreamAction { all[generator.below(all.count)] }
}
