public import Logging

extension Reactor {
    /// How a reactor behaves; every setting has a default that suits a server.
    ///
    /// ```swift
    /// var options = Reactor.Options()
    /// options.shutdownGrace = .seconds(1)
    /// let reactor = try Reactor(options: options)
    /// ```
    public struct Options: Sendable {
        /// Where the reactor logs. Debug and trace tell about connections, error about callbacks that threw.
        public var logger = Logger(label: "spindle")

        /// Whether connections receive and send directly, with a libevent bufferevent behind them
        /// for what the kernel will not take at once.
        ///
        /// When false every connection runs on its bufferevent in both directions: slower, and the
        /// way connections work that are shared with C code.
        public var directIO = true

        /// Bytes received at most with one system call.
        public var receiveBufferSize = 64 * 1024

        /// How many priorities descriptors can be watched with, from 1 to 255; see
        /// ``Reactor/watch(_:_:priority:_:)``. An adopted `event_base` has as many as C code gave it.
        public var priorities = 1

        /// When producers are paused and resumed; each transport can change its own.
        public var waterMarks = WaterMarks.standard

        /// How many threads ``Reactor/threadPool`` may have, and how many of them stay when there is nothing to do.
        public var threadPoolSize = 0...10

        /// How long connections may take, when the reactor stops, to send what they still have to send;
        /// and how long, when they are gone, jobs on the reactor's threads may go on.
        public var shutdownGrace: Duration = .seconds(5)

        /// How long a closed connection whose peer goes on sending, or has no room for what is sent, is kept, so that the peer can
        /// read to the end what was sent to it (W3). It counts from when the peer last took some of
        /// that. While the reactor stops it is half of this.
        public var lingerLimit: Duration = .seconds(2)

        /// How long a peer may take nothing of what a closing connection has for it, before the
        /// connection is aborted (W4); and how long, when the peer has finished, a producer that is waited for may
        /// write nothing. Nil waits for ever.
        public var closeLimit: Duration? = .seconds(60)

        /// How long a callback may take before the log has a warning that says what it was; nil for no warnings.
        ///
        /// While one runs everything else on the reactor waits. Up to 4 ms off, unless it is less than 20 ms.
        public var slowCallbackLimit: Duration? = .milliseconds(100)

        /// Whether SIGINT and SIGTERM stop the reactor of the main thread (R5). A second such
        /// signal ends the process at once. The handlers found are put back when `run()` returns. One that
        /// has a handler, ``Reactor/addSignalHandler(_:_:)``, is left to that.
        public var handlesSignals = true

        /// Whether SIGPIPE is ignored from the reactor's creation on, where nothing else was chosen
        /// for it. A connection whose peer has gone away would otherwise end the process (S9).
        public var ignoresSIGPIPE = true

        /// Whether a reactor on a C program's `event_base` keeps that program's loop going when there is nothing open on it; see
        /// ``Reactor/init(adopting:options:)``.
        public var keepsLoopAlive = false

        public init() {}
    }
}
