/// Does between entries what a reactor's own loop would do there, on a base whose loop C code runs.
protocol EntryDelegate: AnyObject {
    /// An entry begins: `isInside` is set, and nothing of it has happened yet.
    func entryBegins()
    /// An entry is over, with all that it left to be done at its end.
    func entryEnded()
    /// Something waits for an entry, and none is under way.
    func bringAboutEntry()
    /// Runs the loop, for once from here.
    func run() throws
    /// Takes its own event off the base.
    func leave()
}
