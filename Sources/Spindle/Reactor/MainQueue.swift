internal import CLinux
import Dispatch

/// Dispatch's main queue, which serves `DispatchQueue.main` and `@MainActor` code.
///
/// Whoever occupies the main thread has to drain it. Without that, code at the top level of a
/// main.swift, which belongs to the main actor, would spawn tasks that silently never run.
enum MainQueue {
    /// Becomes readable when the queue has work.
    static var descriptor: CInt {
        // Mentioned, so that Dispatch is linked in: it has no other user here.
        _ = DispatchQueue.main
        return _dispatch_get_main_queue_handle_4CF()
    }

    /// Does the work there is, on the main thread.
    static func drain() { _dispatch_main_queue_callback_4CF(nil) }

    /// Whether the calling thread is the main one.
    static var isHere: Bool { spindle_is_main_thread() != 0 }
}
