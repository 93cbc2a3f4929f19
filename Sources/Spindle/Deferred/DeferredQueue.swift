/// A queue whose items can be asked for before they are there.
///
/// ```swift
/// let jobs = DeferredQueue<Job>(size: 100)
/// try jobs.put(job)
///
/// reactor.spawn { while true { try await jobs.get().value().run() } }
/// ```
///
/// Items go out in the order in which they came, to those who ask in the order of asking (D4). Who does not want
/// an item any more cancels the Deferred, and no item is lost by that.
public final class DeferredQueue<Element> {
    /// How many items may wait for somebody to ask for them; nil for any number.
    public let size: Int?

    /// How many may ask for items that are not there; nil for any number.
    public let backlog: Int?

    private var items: [Element?] = []
    /// What is before it has gone out; the gap is closed when it is the greater part.
    private var firstItem = 0
    private let line = WaitingLine<Element>()

    public init(size: Int? = nil, backlog: Int? = nil) {
        self.size = size
        self.backlog = backlog
    }

    /// How many items are there that nobody has asked for.
    public var count: Int { items.count - firstItem }

    /// How many ask for an item and have none.
    public var waiting: Int { line.count }

    /// Adds an item, or hands it to whoever has waited longest.
    ///
    /// - Throws: ``QueueOverflow`` when it is full, and then the item is not added.
    public func put(_ item: Element) throws(QueueOverflow) {
        // Those that wait while there are items are about to be served.
        if let size, count >= size + waiting { throw QueueOverflow(size: size) }
        items.append(item)
        line.serve(takeFirst)
    }

    /// Asks for an item: the Deferred fires when there is one, and fails with ``QueueUnderflow`` when too many wait already.
    public func get(fileID: StaticString = #fileID, line: UInt = #line) -> Deferred<Element> {
        if waiting == 0, let item = takeFirst() { return Deferred(.success(item), fileID: fileID, line: line) }
        if let backlog, waiting >= backlog {
            return Deferred(.failure(QueueUnderflow(backlog: backlog)), fileID: fileID, line: line)
        }
        return self.line.join(fileID: fileID, line: line)
    }

    private func takeFirst() -> Element? {
        guard count > 0 else { return nil }
        let item = items[firstItem].take()
        firstItem += 1
        if firstItem * 2 > items.count {
            items.removeFirst(firstItem)
            firstItem = 0
        }
        return item
    }
}
