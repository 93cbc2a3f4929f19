import Logging

/// A result that will be there later, and what to do with it then: Twisted's Deferred, typed.
///
/// Whoever starts the work makes a `Deferred` and fires it once, with ``callback(_:)`` or
/// ``errback(_:)``. Whoever waits adds callbacks, or awaits ``value(isolation:)``:
///
/// ```swift
/// endpoint.listen(factory)
///     .addCallback { port in print("listening on \(port.address)") }
///     .addErrback { error in print("cannot listen: \(error)") }
///
/// reactor.spawn { let port = try await endpoint.listen(factory).value() }
/// ```
///
/// Where Twisted changes the result inside one object, here each `add…` method returns the
/// Deferred of its closure's result, so that types can change along a chain. The rest is as
/// there: closures run in the order they were added; one that throws switches to the error
/// branch; one that returns a Deferred is waited for; adding to a Deferred that has fired runs
/// at once; and long chains do not recurse (D1).
///
/// Where a closure of several statements returns nothing, and the compiler says that a `return` is missing, say so in its
/// head: `addErrback { error -> Void in … }`. Without that it takes the closure for one that returns a value or a Deferred.
///
/// A failure that nobody handled is logged by the reactor's logger when the last reference to its Deferred goes, with the
/// place where that Deferred was made: for a chain, where its last link was added (D3). Only what was cancelled
/// is not worth more than the debug level.
///
/// Like all of Spindle's objects it belongs to one reactor's thread and is not Sendable.
public final class Deferred<Value>: DeferredNode {
    /// The result, once there is one. Reading it does not count as handling a failure.
    public private(set) var result: Result<Value, any Error>?

    /// What waits. Usually there is one, which spares the array.
    private var firstLink: Link<Value>?
    private var links: [Link<Value>] = []
    private var nextLink = 0
    private var canceller: ((Deferred<Value>) -> Void)?
    /// Cancelled without a canceller: the result that may still come is swallowed, once (D2).
    private var ignoresLateResult = false
    private var isHandled = false
    // Where it was made.
    let fileID: StaticString
    let line: UInt

    /// A Deferred that has not fired.
    ///
    /// - Parameter canceller: what ``cancel()`` does to stop the work, usually ending in an
    ///   ``errback(_:)``. Without one the work goes on and its late result is ignored.
    public init(
        fileID: StaticString = #fileID, line: UInt = #line, canceller: ((Deferred<Value>) -> Void)? = nil
    ) {
        self.canceller = canceller
        self.fileID = fileID
        self.line = line
    }

    /// A Deferred that has fired already.
    public init(_ result: Result<Value, any Error>, fileID: StaticString = #fileID, line: UInt = #line) {
        self.result = result
        self.fileID = fileID
        self.line = line
    }

    deinit {
        releaseLinks()
        if case .failure(let error) = result, !isHandled {
            // Nobody has to answer for what was called off on purpose, at a stop for example.
            let level: Logger.Level = error.isCancellation ? .debug : .error
            ThreadLogger.current.log(level: level, "unhandled error in Deferred made at \(fileID):\(line): \(error)")
        }
    }

    // MARK: - Firing

    /// Whether the result is there.
    public var hasFired: Bool { result != nil }

    /// Fires with a value.
    ///
    /// Firing twice is a programmer's error, reported as ``AlreadyCalledError``; after a
    /// ``cancel()`` without canceller one late result is ignored without an error.
    public func callback(_ value: Value) throws(AlreadyCalledError) { try fire(.success(value)) }

    /// Fires with an error; see ``callback(_:)``.
    public func errback(_ error: any Error) throws(AlreadyCalledError) { try fire(.failure(error)) }

    /// Fires with a result; see ``callback(_:)``.
    public func fire(_ result: Result<Value, any Error>) throws(AlreadyCalledError) {
        guard self.result == nil else {
            guard ignoresLateResult else { throw AlreadyCalledError() }
            ignoresLateResult = false
            return
        }
        settle(result)
        runLinks()
    }

    /// Gives up on the result.
    ///
    /// Runs the canceller; if that does not fire the Deferred, or there is none, it fails with
    /// ``CancelledError``. A Deferred made by an `add…` method passes the request on to the one
    /// it waits for, and with that to all that waits for the same. Does nothing once fired.
    public func cancel() {
        if result == nil { innermostAwaited.cancelHere() }
    }

    override func cancelHere() {
        guard result == nil else { return }
        let canceller = canceller.take()
        if let canceller { canceller(self) } else { ignoresLateResult = true }
        if result == nil { try? errback(CancelledError()) }
    }

    // MARK: - Links

    /// Adds the general form of a callback: it may start further Deferreds on their way.
    ///
    /// - Parameter handling: whether what is added answers for a failure.
    func add(_ link: Link<Value>, handling: Bool = true) {
        if handling { isHandled = true }
        if firstLink == nil && links.isEmpty { firstLink = link } else { links.append(link) }
        // While a result is being passed on, later links wait for their turn.
        if result != nil { runLinks() }
    }

    /// Sets the result without running what waits for it. False if there was one already.
    @discardableResult
    func settle(_ result: Result<Value, any Error>) -> Bool {
        guard self.result == nil else { return false }
        self.result = result
        canceller = nil
        return true
    }

    /// The result, handed to somebody who answers for it if it is a failure.
    @discardableResult
    func takeResult() -> Result<Value, any Error>? {
        isHandled = true
        return result
    }

    override func runNextLink() -> Step {
        if let result, let link = firstLink.take() { return .ran(continuing: link.run(result)) }
        guard let result, nextLink < links.count else {
            guard !links.isEmpty else { return .done }
            nextLink = 0
            releaseAllLinks()
            // What they held may have added others as it went.
            return .ran(continuing: nil)
        }
        defer { nextLink += 1 }
        return .ran(continuing: links[nextLink].run(result))
    }

    /// Out of the array first: what they hold may add others here as it goes.
    private func releaseAllLinks() {
        var released: [Link<Value>] = []
        swap(&released, &links)
    }

    override func takeSuccessors() -> [DeferredNode] {
        defer { releaseAllLinks() }
        let first = firstLink.take()?.successor
        // Not by key path: that of a generic type is looked up by name each time, at several times the cost of a Deferred.
        let others = links.compactMap { $0.successor }
        return first.map { [$0] + others } ?? others
    }
}

/// One thing that waits for a Deferred.
struct Link<Value> {
    private enum Action {
        case call((Result<Value, any Error>) -> DeferredNode?)
        /// Without a closure, which would be an allocation for each await.
        case resume(Suspension)
    }

    /// The Deferred that this will settle, if any.
    let successor: DeferredNode?
    private let action: Action

    init(successor: DeferredNode?, _ body: @escaping (Result<Value, any Error>) -> DeferredNode?) {
        self.successor = successor
        action = .call(body)
    }

    /// A task goes on, and finds the result by itself.
    init(resuming suspension: Suspension) {
        successor = nil
        action = .resume(suspension)
    }

    /// Does it, and returns the Deferred that was settled by it, whose own links are to run next.
    func run(_ result: Result<Value, any Error>) -> DeferredNode? {
        switch action {
        case .call(let body): return body(result)
        case .resume(let suspension):
            suspension.resume()
            return nil
        }
    }
}
