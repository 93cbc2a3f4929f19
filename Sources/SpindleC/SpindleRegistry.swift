public import Spindle

/// The factories that C code can mount by name, with `spindle_mount()` of spindle.h.
///
/// ```swift
/// @c public func admin_register() {
///     SpindleRegistry.register("admin") { reactor, user in Factory { AdminProtocol() } }
/// }
/// ```
///
/// There is one for the process: code that registers and code that mounts may be in different shared objects, as long as
/// both use one libspindle. May be used from any thread.
public enum SpindleRegistry {
    /// Makes a factory, on the thread of the reactor that it is for, each time C mounts one; `user` is what C passed on. What
    /// it throws is C's answer.
    public typealias Maker = @Sendable (_ reactor: Reactor, _ user: UnsafeMutableRawPointer?) throws -> Factory

    private static let makers = unsafe Lock<[String: Maker]>([:])

    /// Has `maker` make the factories of this name. The last one counts.
    public static func register(_ name: String, _ maker: @escaping Maker) {
        unsafe makers.withLock { unsafe $0[name] = maker }
    }

    /// - Throws: ``Refusal``, or what the maker throws.
    static func make(_ name: String, _ reactor: Reactor, _ user: UnsafeMutableRawPointer?) throws -> Factory {
        let known = unsafe makers.withLock { unsafe $0 }
        guard let maker = unsafe known[name] else {
            let names = unsafe known.keys.sorted().joined(separator: ", ")
            throw Refusal(.factory, "there is no factory \"\(name)\", only \(names.isEmpty ? "none" : names)")
        }
        do { return try unsafe maker(reactor, user) } catch {
            throw Refusal(.factory, "the factory \"\(name)\" cannot be made: \(error)")
        }
    }
}
