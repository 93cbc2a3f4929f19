import Glibc
import Spindle
import Testing

/// `Reactor.react` and rule R5 of the contract: how a process ends, seen from outside.
@Suite(.ownThreads) struct ReactTests {
    @Test(
        "react: the status says how main ended, and one line on standard error what it threw",
        arguments: [
            ("returns", 0, ""), ("throws", 1, "Error: the disk is full\n"), ("exits", 42, ""), ("stops", 0, ""),
        ])
    func status(main: String, code: CInt, errors: String) throws {
        #expect(try ProgramRun(main).wait() == .init(exitCode: code, output: "", errors: errors))
    }

    @Test(
        "R5, react: a signal stops the program in good order, and then ends it, for its parent to see",
        arguments: [SIGINT, SIGTERM])
    func signalled(signal: CInt) throws {
        let program = try ProgramRun("waits")
        #expect(try program.readLine() == "ready")
        kill(program.pid, signal)
        let end = try program.wait()
        #expect(end.signal == signal && end.output == "closed\n")
    }

    @Test(
        "R5: a second signal ends the process at once with 128 + n, a stuck callback or not (Twisted: D21)",
        arguments: [SIGINT, SIGTERM])
    func secondSignal(signal: CInt) throws {
        let program = try ProgramRun("gets stuck")
        #expect(try program.readLine() == "ready")
        // The same one twice could be merged by the kernel.
        kill(program.pid, signal == SIGINT ? SIGTERM : SIGINT)
        kill(program.pid, signal)
        let code = try program.wait().exitCode
        #expect(code == 128 + SIGINT || code == 128 + SIGTERM)
    }

    @Test("R5: a signal that has a handler of its own does not stop the reactor")
    func handled() throws {
        let program = try ProgramRun("handles SIGTERM")
        #expect(try program.readLine() == "ready")
        for _ in 0..<3 {
            kill(program.pid, SIGTERM)
            #expect(try program.readLine() == "got it")
        }
        #expect(try program.wait().exitCode == 7)
    }

    @Test("H5, react: MainActor code runs meanwhile")
    func mainActor() throws {
        #expect(try ProgramRun("uses MainActor").wait().exitCode == 0)
    }
}
