/// Deferreds that wait for their turn: first come, first served. One that is cancelled leaves the line.
final class WaitingLine<Value> {
    /// By number, so that leaving needs no search.
    private var waiting: [Int: Deferred<Value>] = [:]
    private var firstNumber = 0
    private var nextNumber = 0
    private var isServing = false

    var count: Int { waiting.count }

    /// A Deferred at the end of the line.
    func join(fileID: StaticString, line: UInt) -> Deferred<Value> {
        let number = nextNumber
        nextNumber += 1
        let deferred = Deferred<Value>(fileID: fileID, line: line) { [weak self] _ in self?.waiting[number] = nil }
        waiting[number] = deferred
        return deferred
    }

    /// Fires one after the other with what `supply` gives, until that is nothing or nobody waits.
    ///
    /// What the callbacks of one supply for the next is given out when they have returned: a line of any length does not
    /// recurse (D1).
    func serve(_ supply: () -> Value?) {
        guard !isServing else { return }
        isServing = true
        defer { isServing = false }
        while let deferred = first(), let value = supply() {
            waiting[firstNumber] = nil
            try? deferred.callback(value)
        }
    }

    /// Whose turn it is. Those that somebody else has fired are out of the line.
    private func first() -> Deferred<Value>? {
        while !waiting.isEmpty {
            if let deferred = waiting[firstNumber], !deferred.hasFired { return deferred }
            waiting[firstNumber] = nil
            firstNumber += 1
        }
        return nil
    }
}
