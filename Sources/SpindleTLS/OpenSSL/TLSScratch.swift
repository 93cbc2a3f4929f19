import COpenSSL
import Spindle

/// The buffers that all TLS connections of a reactor share. An idle connection has none of its own.
@safe
final class TLSScratch {
    let wire: UnsafeMutablePointer<WireBuffers>
    /// Where records are decrypted to.
    let plain: UnsafeMutableRawBufferPointer
    /// Whose output is in the wire buffers.
    private var owner: FilterStage?
    /// Empty arrays with room, for what is written in one entry.
    private var spares: [[UInt8]] = []

    /// The longest piece that fits into one record.
    static let recordLimit = 16_384
    private static let spareLimit = 64

    private init() {
        unsafe wire = .allocate(capacity: 1)
        unsafe wire.initialize(to: WireBuffers())
        unsafe plain = .allocate(byteCount: 4 * Self.recordLimit, alignment: 64)
    }

    deinit {
        unsafe wire.pointee.output?.deallocate()
        unsafe wire.deallocate()
        unsafe plain.deallocate()
    }

    /// The one of a reactor.
    static func of(_ reactor: Reactor) -> TLSScratch {
        if let known = reactor.filterResources[ObjectIdentifier(TLSScratch.self)] as? TLSScratch { return known }
        let made = TLSScratch()
        reactor.filterResources[ObjectIdentifier(TLSScratch.self)] = made
        return made
    }

    // MARK: - What goes out

    var outputCount: Int { unsafe wire.pointee.outputCount }

    /// What is encrypted from now on goes out by `stage`. What another one left here goes first: it is in the middle of receiving.
    func claim(for stage: FilterStage) {
        guard owner !== stage else { return }
        transmit()
        owner = stage
    }

    /// Sends what is here.
    func transmit() {
        while let owner, outputCount > 0 {
            // A producer that is paused by this may write, and so fill the buffers anew.
            let taken = unsafe wire.pointee.takeOutput()
            unsafe owner.transmit(UnsafeRawBufferPointer(start: taken.output, count: taken.outputCount).bytes)
            unsafe wire.pointee.giveBack(taken)
        }
    }

    /// Sends what is here, and is nobody's.
    func release() {
        transmit()
        owner = nil
    }

    // MARK: - What is gathered

    func takeSpare() -> [UInt8] { spares.popLast() ?? [] }

    func give(_ array: consuming [UInt8]) {
        guard spares.count < Self.spareLimit else { return }
        array.removeAll(keepingCapacity: true)
        spares.append(array)
    }

    /// Lends the first decrypted bytes.
    func withPlain<Failure: Error>(_ count: Int, _ body: (RawSpan) throws(Failure) -> Void) throws(Failure) {
        unsafe try body(UnsafeRawBufferPointer(rebasing: plain[..<count]).bytes)
    }
}
