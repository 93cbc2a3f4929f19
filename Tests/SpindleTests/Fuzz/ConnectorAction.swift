import TestSupport

/// What a user may do with ports, connectors, endpoints and services.
enum ConnectorAction: CaseIterable {
    case connect, stopConnecting, disconnect, connectNew, connectEndpoint, cancel
    case stopListening, drain, startListening
    case lose, abort, write
    case startService, stopService, whenConnected
    case stop, nothing

    /// How likely it is, beside the others.
    private var weight: Int {
        switch self {
        case .stop: 1
        case .nothing: 200
        case .startListening: 150
        case .connect, .connectNew, .write: 100
        default: 50
        }
    }

    private static let all = allCases.flatMap { Array(repeating: $0, count: $0.weight) }

    static func random(_ generator: inout SeededGenerator) -> ConnectorAction { all[generator.below(all.count)] }
}
