package import Spindle

/// A filter that has everything that one may have, and is no good for secrecy: frames of masked bytes, a hello in both
/// directions before the first, and an empty frame as the last.
///
/// A frame is its length in two bytes, a mask, and as many bytes, each of them combined with the mask.
package final class MaskingFilter: StreamFilter {
    /// The peer says something else than hello, or nothing.
    package enum Failure: Error, Hashable {
        case noHello
        case timedOut
        /// The peer's bytes end without the last frame.
        case truncated
    }

    private static let hello = Array("mask".utf8)
    private static let header = 3
    private static let longestFrame = 16_384

    private let timeout: Duration
    private var timer: DelayedCall?
    private var hasGreeted = false
    private var hasEnded = false
    /// Wire bytes that are not decoded yet, from `start` on.
    private var wire: [UInt8] = []
    private var start = 0
    /// The protocol's bytes of this entry.
    private var gathered: [UInt8] = []
    private var nextMask: UInt8 = 0x5a

    package init(timeout: Duration = .seconds(30)) { self.timeout = timeout }

    package func start(_ stage: FilterStage) {
        timer = stage.reactor.callLater(timeout) { [weak self, weak stage] in
            if self?.hasGreeted == false { stage?.fail(Failure.timedOut) }
        }
        Self.hello.withRawSpan { stage.transmit($0) }
    }

    deinit { try? timer?.cancel() }

    // MARK: - Receiving

    package func receive(_ data: RawSpan, _ stage: FilterStage) throws {
        wire.append(copying: data)
        try resume(stage)
    }

    package func resume(_ stage: FilterStage) throws {
        if !hasGreeted {
            let said = wire.prefix(Self.hello.count)
            guard Self.hello.starts(with: said) else { throw Failure.noHello }
            guard said.count == Self.hello.count else { return }
            start = said.count
            hasGreeted = true
            try? timer.take()?.cancel()
            stage.begin()
        }
        // The last frame is nobody's bytes: it is taken in while nobody wants any.
        while let length = nextLength, length == 0 || stage.wantsInput {
            let bytes = masked(wire[start + Self.header..<start + Self.header + length], wire[start + 2])
            start += Self.header + length
            if length == 0 {
                hasEnded = true
                stage.inputEnded()
            } else {
                bytes.withRawSpan { stage.deliver($0) }
            }
        }
        wire.removeFirst(start)
        start = 0
    }

    /// How long the next frame is, if all of it is there.
    private var nextLength: Int? {
        guard hasGreeted, wire.count - start >= Self.header else { return nil }
        let length = Int(wire[start]) << 8 | Int(wire[start + 1])
        return wire.count - start >= Self.header + length ? length : nil
    }

    package var hasUndelivered: Bool { nextLength.map { $0 > 0 } ?? false }

    package func wireEnded() throws { if !hasEnded { throw Failure.truncated } }

    // MARK: - Sending

    package func send(_ data: RawSpan, _ stage: FilterStage) {
        gathered.append(copying: data)
        // Or a producer that writes until it is paused would never be.
        if gathered.count >= Self.longestFrame { flush(stage) }
    }

    package func flush(_ stage: FilterStage) {
        guard !gathered.isEmpty else { return }
        var frames: [UInt8] = []
        for begin in stride(from: 0, to: gathered.count, by: Self.longestFrame) {
            frame(gathered[begin..<min(begin + Self.longestFrame, gathered.count)], into: &frames)
        }
        gathered = []
        frames.withRawSpan { stage.transmit($0) }
    }

    package func finish(_ stage: FilterStage) {
        flush(stage)
        var last: [UInt8] = []
        frame([], into: &last)
        last.withRawSpan { stage.transmit($0) }
    }

    private func frame(_ bytes: ArraySlice<UInt8>, into frames: inout [UInt8]) {
        let mask = nextMask
        nextMask = nextMask &* 5 &+ 1
        frames += [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff), mask]
        frames += masked(bytes, mask)
    }

    /// A word at a time: without optimization a byte at a time would be the slowest thing in the suite.
    private func masked(_ bytes: ArraySlice<UInt8>, _ mask: UInt8) -> [UInt8] {
        let word = UInt64(mask) &* 0x0101_0101_0101_0101
        return unsafe [UInt8](unsafeUninitializedCapacity: bytes.count + 8) { room, count in
            unsafe bytes.withUnsafeBytes { unsafe UnsafeMutableRawBufferPointer(room).copyMemory(from: $0) }
            for offset in stride(from: 0, to: bytes.count, by: 8) {
                let address = unsafe room.baseAddress! + offset
                unsafe UnsafeMutableRawPointer(address).withMemoryRebound(to: UInt64.self, capacity: 1) {
                    unsafe $0.pointee ^= word
                }
            }
            count = bytes.count
        }
    }
}
