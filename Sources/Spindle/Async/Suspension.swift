/// A task that waits for something on its reactor's thread.
@safe
struct Suspension {
    private let continuation: UnsafeContinuation<Void, Never>

    fileprivate init(_ continuation: UnsafeContinuation<Void, Never>) { unsafe self.continuation = continuation }

    /// Has the task go on, in the next pass. To be called once.
    func resume() { unsafe continuation.resume() }
}

/// What tasks wait for: a Deferred, or bytes to read.
protocol Suspending: AnyObject {
    /// The task waits now; this object is to resume it.
    func suspended(_ suspension: Suspension)

    /// The task was cancelled while it waited, or before. It may have been resumed in the meantime; `turn` is what it
    /// gave when it began to wait.
    func cancelled(_ turn: Int)
}

extension Suspending {
    /// Suspends the calling task until this object resumes it. Allocates nothing.
    ///
    /// - Parameters:
    ///   - turn: comes back with the word of a cancellation, if there is one.
    ///   - home: the reactor that the object lives on, if it is known.
    func suspend(
        _ turn: Int = 0, home: ReactorHandle? = ReactorHandle.ofTask, isolation: isolated (any Actor)?
    ) async {
        // Sound: whichever thread cancels the task, the object is touched on its own executor only.
        nonisolated(unsafe) let object: any Suspending = self
        await withTaskCancellationHandler(
            operation: {
                await unsafe withUnsafeContinuation(isolation: isolation) { continuation in
                    suspended(unsafe Suspension(continuation))
                }
            },
            onCancel: {
                // Not by the isolation where there is a reactor: in a closure with a capture list
                // the compiler leaves that out (docs/workarounds.md).
                if let home {
                    home.post(.cancellation { unsafe object.cancelled(turn) })
                } else if let isolation {
                    Task { unsafe await cancel(object, turn, on: isolation) }
                }
            },
            isolation: isolation
        )
    }
}

private func cancel(_ object: any Suspending, _ turn: Int, on isolation: isolated any Actor) { object.cancelled(turn) }
