import Glibc

/// Sends a file over a transport, at the pace of the peer.
///
/// ```swift
/// let sender = try FileSender(path: "/srv/films/metropolis.mkv")
/// sender.beginFileTransfer(to: transport) { sent in print("\(sent) of \(sender.count) bytes") }
///     .addCallback { _ in transport.loseConnection() }
///     .addErrback { error in
///         // Cut short: the peer waits for bytes that will not come. Of other errors it need not know.
///         if error is FileShrankError { transport.abortConnection() } else { print("not sent: \(error)") }
///     }
/// ```
///
/// On a plain socket the bytes go from the file to the kernel by sendfile(2), and never
/// through the program; on other transports they are read and written, a piece at a time. The
/// sender is a pull producer of the transport while it is at work (P1), so ``Transport/loseConnection()`` waits for
/// it (W4).
public final class FileSender: Producer {
    /// How many bytes it sends altogether.
    public let count: Int

    /// How many of them the transport has passed on to the kernel.
    public private(set) var sent = 0

    private let file: File
    private let start: Int
    private var transport: Transport?
    private var completion: Deferred<Int>?
    private var onProgress: (Int) -> Void = { _ in }
    /// Where the piece that is under way ends.
    private var pieceEnd = 0

    /// What is handed to the kernel before progress is reported, and what is read into memory where it has to be.
    private static let filePiece = 1 << 20
    private static let memoryPiece = 64 * 1024

    /// Sends a whole file as long as it is now.
    ///
    /// - Throws: ``CannotSendFileError`` if it cannot be opened, or is not a regular file (`EINVAL`).
    public convenience init(path: String) throws(CannotSendFileError) {
        try self.init(.path(path), offset: 0, count: nil) { () throws(SystemError) in try File(path: path) }
    }

    /// Sends `count` bytes of a file from `offset` on; by default all that follow.
    ///
    /// - Parameter descriptor: of a regular file; it is copied, and remains the caller's to close.
    /// - Throws: ``CannotSendFileError`` if it is not a regular file (`EINVAL`) or is shorter than that (`ERANGE`).
    public convenience init(descriptor: CInt, offset: Int = 0, count: Int? = nil) throws(CannotSendFileError) {
        try self.init(.descriptor(descriptor), offset: offset, count: count) { () throws(SystemError) in
            try File(duplicating: descriptor)
        }
    }

    private init(
        _ name: CannotSendFileError.File, offset: Int, count: Int?, open: () throws(SystemError) -> File
    ) throws(CannotSendFileError) {
        let file: File
        do { file = try open() } catch { throw CannotSendFileError(name, error) }
        do throws(CannotSendFileError) {
            let status: FileStatus
            do { status = try FileStatus(ofDescriptor: file.descriptor) } catch {
                throw CannotSendFileError(name, error)
            }
            guard status.isRegular else { throw CannotSendFileError(name, EINVAL, "it is not a regular file") }
            guard offset >= 0, (count ?? 0) >= 0 else {
                throw CannotSendFileError(name, ERANGE, "offset and count cannot be negative")
            }
            guard offset <= status.size, (count ?? 0) <= status.size - offset else {
                throw CannotSendFileError(name, ERANGE, "it has only \(status.size) bytes")
            }
            self.count = count ?? status.size - offset
        } catch {
            file.close()
            throw error
        }
        self.file = file
        start = offset
    }

    deinit { file.close() }

    /// Begins to send. To be called once.
    ///
    /// - Parameter onProgress: called with the number of bytes sent so far, at least once per MiB.
    /// - Returns: fires with ``count`` when all is with the kernel. Fails with
    ///   ``FileShrankError`` if the file is cut short meanwhile, after which the transport is still open, but short of bytes
    ///   that its peer may wait for; with ``FileTransferStopped`` if the connection is lost, and with
    ///   ``ProducerAlreadyRegistered`` if the transport has a producer already.
    @discardableResult
    public func beginFileTransfer(to transport: Transport, onProgress: @escaping (Int) -> Void = { _ in }) -> Deferred<
        Int
    > {
        precondition(self.completion == nil && sent == 0, "a FileSender sends once: make another")
        let completion = Deferred<Int>(canceller: { [weak self] deferred in
            self?.finish(.failure(CancelledError()))
        })
        self.completion = completion
        self.transport = transport
        self.onProgress = onProgress
        do { try transport.registerProducer(self, streaming: false) } catch {
            self.transport = nil
            finish(.failure(error))
        }
        return completion
    }

    /// What was written has gone: writes the next piece.
    public func resumeProducing() {
        guard let transport else { return }
        let progress = pieceEnd - sent
        sent = pieceEnd
        if progress > 0 { onProgress(sent) }
        // The callback may have cancelled.
        guard self.transport != nil else { return }
        guard sent < count else { return finish(.success(count)) }
        do { try sendPiece(to: transport) } catch { finish(.failure(error)) }
    }

    private func sendPiece(to transport: Transport) throws {
        guard !hasShrunk else { throw shrinkage }
        let inKernel = min(Self.filePiece, count - sent)
        if transport.write(file, from: start + sent, inKernel) {
            pieceEnd = sent + inKernel
            return
        }
        let bytes = try file.read(at: start + sent, min(Self.memoryPiece, count - sent))
        guard !bytes.isEmpty else { throw shrinkage }
        pieceEnd = sent + bytes.count
        transport.write(bytes)
    }

    /// Does nothing: one that is asked for each piece need not be told to pause.
    public func pauseProducing() {}

    /// The connection is lost.
    public func stopProducing() {
        transport = nil
        finish(.failure(FileTransferStopped(sent: sent, count: count)))
    }

    private func finish(_ result: Result<Int, any Error>) {
        transport.take()?.unregisterProducer()
        onProgress = { _ in }
        try? completion?.fire(result)
    }

    // MARK: - Files that become shorter

    /// Whether the file ends before what is to be sent of it does.
    var hasShrunk: Bool { ((try? file.size()) ?? 0) < start + count }

    /// The transport has found that the piece under way is not there any more.
    func fileShrank() { finish(.failure(shrinkage)) }

    private var shrinkage: FileShrankError {
        FileShrankError(expected: start + count, size: (try? file.size()) ?? 0)
    }
}

/// A file became shorter while it was being sent.
public struct FileShrankError: Error, Hashable, Sendable, CustomStringConvertible {
    /// How long it would have to be, in bytes, and how long it is.
    public let expected: Int
    public let size: Int
    public var description: String { "the file became shorter while it was sent: \(size) bytes instead of \(expected)" }
}

/// A file was not sent to its end, because the connection was lost.
public struct FileTransferStopped: Error, Hashable, Sendable, CustomStringConvertible {
    /// How many bytes had gone, of how many.
    public let sent: Int
    public let count: Int
    public var description: String { "the connection was lost after \(sent) of \(count) bytes of a file" }
}

@available(*, unavailable)
extension FileSender: Sendable {}
