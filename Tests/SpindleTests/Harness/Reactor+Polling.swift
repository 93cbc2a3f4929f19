import Spindle

extension Reactor {
    /// Asks every millisecond whether something holds, and then stops; an answer of nil ends the asking only.
    func poll(_ isDone: @escaping () throws -> Bool?) {
        callLater(.milliseconds(1)) { [unowned self] in
            switch try isDone() {
            case true?: if !isStopping { try stop() }
            case false?: poll(isDone)
            case nil: break
            }
        }
    }
}
