import Glibc
import Logging

/// The loop that everything in Spindle runs on: it waits for events and calls the code that handles them.
///
/// ```swift
/// let reactor = try Reactor()
/// try reactor.listenTCP(8000, EchoFactory())
/// try reactor.run()
/// ```
///
/// One reactor belongs to one thread, and so does all that lives on it: protocols, factories,
/// transports, Deferreds. None of these is Sendable, so the compiler keeps them there. A program
/// may have several reactors, each on a thread of its own. From another thread there is one way
/// in, ``handle``.
///
/// A reactor is created on one thread and may be moved to another before it runs; it then belongs
/// to the thread that called ``run()``. Calling it from any other is a programmer's error and
/// stops the program with a message.
public final class Reactor {
    /// How this reactor behaves.
    public let options: Options

    /// The thread-safe face of this reactor.
    public let handle: ReactorHandle

    /// What code spawned on this reactor is isolated to.
    public let actor: ReactorActor

    package let base: EventBase
    let receiveBuffer: ReceiveBuffer
    let gatherPool = GatherPool()
    /// What watches the connections that nobody reads. There from the start: later there might be no descriptor left for it. Nil
    /// where there is no loop.
    private(set) var hangUpWatch: HangUpWatch?
    /// Held from the time the first port listens.
    var reserveDescriptor: ReserveDescriptor?
    let logger: Logger
    let timers: TimerQueue

    /// What the filters of this reactor's connections share, by its type.
    package var filterResources: [ObjectIdentifier: AnyObject] = [:]

    /// What is open on this reactor.
    var open: OpenThings { didSet { base.workWaits() } }
    /// How many jobs on threads have not been answered yet.
    var awaitedAnswers = 0 { didSet { base.workWaits() } }
    /// Made when somebody asks for it.
    var ownThreadPool: ThreadPool?

    /// What turns host names into addresses, for everything on this reactor that is told to connect to one.
    public lazy var resolver: any Resolver = ThreadedResolver()

    /// The process that this reactor waits in; see ``reinitialize()``.
    var process = getpid()
    /// Whether other threads may be at work for it that a child process would not have.
    var hasSpawned = false
    var isServingMainQueue = false

    /// What shares this reactor's time out among pieces of work that take long.
    public private(set) lazy var cooperator = Cooperator(self)

    var phase = Phase.idle
    /// How often it was run.
    var runs = 0
    /// Whether the triggers of startup were called, all but those of its last phase.
    var hasStarted = false
    var triggers: [SystemEventTrigger] = []
    /// What the triggers returned that have been called last.
    var awaitedOutcomes: [Deferred<Void>] = []
    var signalHandlers: SignalHandlers? { didSet { base.workWaits() } }
    /// What has SIGINT and SIGTERM stop this reactor, while it runs.
    var stopHandlers: [SignalHandler] = []
    /// The signal that this run was stopped by.
    var stopSignal: Int32?
    var graceTimer: DelayedCall?
    /// Ends the threads' time, which begins when nothing else is open.
    var threadLimit: DelayedCall?
    var batch: [WorkQueue.Work] = []

    // Counted for `statistics`.
    var jobsDone = 0
    var bytesReceived = 0
    var bytesWritten = 0

    /// The loop's own events, and whether they are on the base.
    private var residents: [Event] = []
    private var areResidentsPresent: Bool
    /// Whether it was on an adopted base, and is no more.
    package internal(set) var wasInvalidated = false

    enum Phase: String {
        case idle, running
        /// Told to stop. What wants to be done before is being done.
        case stopRequested = "about to stop"
        /// Connections and tasks are given their time to finish.
        case closing
        /// That time is over.
        case abandoning
    }

    /// Creates a reactor with a libevent loop of its own.
    ///
    /// - Throws: ``SystemError`` when the kernel is out of descriptors or memory.
    public convenience init(options: Options = Options()) throws {
        Descriptor.fillStandardNumbers()
        let base = try EventBase(priorities: options.priorities, slowCallbackLimit: options.slowCallbackLimit)
        try self.init(options, base)
        if base.priorities > 1 { base.hasTurnToTake = { [unowned self] in hasTurnToTake } }
    }

    /// Creates a reactor on a base with a loop behind it.
    convenience init(_ options: Options, _ base: EventBase) throws {
        let wakeup = try Wakeup()
        let timer = try TimerDescriptor()
        self.init(options, base, wakeup, timer)
        base.onSlowCallback = { [logger] occasion, duration in
            logger.warning("\(occasion) held the loop up for \(duration)")
        }
        if options.ignoresSIGPIPE { SignalTrap.ignoreSIGPIPE() }
        // Being woken is all there is to it: the loop looks at its queue before it waits again.
        try watch(wakeup.descriptor, "the wakeup") {}
        try watch(timer.descriptor, "the timer") { [unowned self] in timers.expired() }
        let hangUps = try HangUpWatch()
        try watch(hangUps.descriptor, .readable, hangUps)
        hangUpWatch = hangUps
    }

    deinit {
        open.watches.end(.over)
        timers.end(.over)
        handle.close()
    }

    /// A reactor without a loop, for what was never connected: nothing on it ever happens.
    static func detached(_ options: Options = Options()) -> Reactor {
        Reactor(options, EventBase(detached: ()), nil, nil)
    }

    private init(_ options: Options, _ base: EventBase, _ wakeup: Wakeup?, _ timer: TimerDescriptor?) {
        self.options = options
        self.base = base
        areResidentsPresent = base.isOwned
        logger = options.logger
        handle = ReactorHandle(wakeup: wakeup, logger: options.logger)
        actor = ReactorActor(handle)
        timers = TimerQueue(handle, timer)
        open = OpenThings(timers: timers)
        receiveBuffer = ReceiveBuffer(capacity: max(1, options.receiveBufferSize))
    }

    /// Seconds on the monotonic clock that delayed calls go by (T1). Only differences mean anything.
    public var seconds: Double { now.seconds }

    /// The time that delayed calls go by.
    var now: MonotonicTime { timers.now }

    /// How many passes the loop has made so far.
    package var passes: Int { base.passes }

    /// Whether `run()` is under way, the time of stopping included.
    public var isRunning: Bool { phase != .idle }

    /// Whether the reactor has been told to stop and `run()` has not returned yet.
    public var isStopping: Bool { phase == .stopRequested || isClosing }

    /// Whether what is open is being closed, and nothing new may begin.
    var isClosing: Bool { phase == .closing || phase == .abandoning }

    // MARK: - Shared by everything on the reactor

    /// Stops the program when called on a thread that is not the reactor's.
    @inline(__always)
    package func requireThread() { handle.requireCurrent() }

    /// Says that what is asked for will never happen: a protocol's reactor has no loop before it is connected.
    func warnIfDetached(_ call: StaticString) {
        if wasInvalidated {
            logger.error("\(call): \(ReactorInvalidated())")
        } else if !base.isAttached && timers.heldTime == nil {
            logger.warning("\(call) on the reactor of a protocol that is not connected: it has no loop")
        }
    }

    /// - Throws: what a reactor has to say that has no loop.
    func requireLoop() throws {
        if wasInvalidated { throw ReactorInvalidated() }
        guard base.isAttached else { throw ReactorNotRunning() }
    }

    /// - Throws: what a reactor has to say on which nothing new may begin.
    func requireOpen() throws {
        try requireLoop()
        if isClosing { throw ReactorNotRunning() }
    }

    /// Runs a user's closure; an error it throws harms nobody else (R6).
    func guarding(_ what: @autoclosure () -> String, _ body: () throws -> Void) {
        do { try body() } catch { logger.error("\(what()) threw: \(error)") }
        base.lap(what())
    }

    /// Does `body` in the next pass.
    package func inNextPass(_ body: @escaping () -> Void) { handle.post(.call { _ in body() }) }

    /// Watches one of the loop's own descriptors: an eventfd or a timerfd.
    func watch(_ descriptor: CInt, _ description: String, _ body: @escaping () -> Void) throws(SystemError) {
        let drains = !base.reportsChanges
        let handler = ClosureHandler(description) {
            if drains { Descriptor.drain(descriptor) }
            body()
        }
        try watch(descriptor, .signalled, handler)
    }

    private func watch(_ descriptor: CInt, _ interest: Event.Interest, _ handler: any EventHandler) throws(SystemError)
    {
        let event = Event(base, descriptor, interest, handler)
        if areResidentsPresent { try event.add() }
        residents.append(event)
    }

    /// Puts the loop's own events on the base, or takes them off, so that C's loop may end.
    func setResidents(present: Bool) {
        guard present != areResidentsPresent else { return }
        areResidentsPresent = present
        for event in residents {
            guard present else { event.remove(); continue }
            do { try event.add() } catch { logger.critical("the loop cannot watch a descriptor of its own: \(error)") }
        }
    }

    /// Takes everything of the reactor's own off an adopted base.
    func leaveBase() {
        setResidents(present: false)
        residents = []
        handle.queue.onAppend(nil)
        timers.onChange = nil
        base.detach()
    }

    /// Ends the watching of a descriptor.
    func unwatch(_ descriptor: CInt) { residents.removeAll { $0.descriptor == descriptor } }
}

/// Lets a closure handle an event.
private final class ClosureHandler: EventHandler {
    let description: String
    private let body: () -> Void

    init(_ description: String, _ body: @escaping () -> Void) {
        self.description = description
        self.body = body
    }

    func eventFired() { body() }
}
