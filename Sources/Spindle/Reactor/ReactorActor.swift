/// The actor whose executor is a reactor's loop: what code spawned on a reactor is isolated to.
///
/// You rarely name it. Inside ``Reactor/spawn(_:fileID:line:)`` it is `#isolation`.
public actor ReactorActor {
    let handle: ReactorHandle

    init(_ handle: ReactorHandle) { self.handle = handle }

    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe handle.asUnownedSerialExecutor() }
}
