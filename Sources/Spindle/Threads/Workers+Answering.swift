extension Workers {
    /// A Deferred, on `reactor`, of what `body` returns or throws on one of the threads.
    ///
    /// Cancelling it drops the job if that has not begun, else its result.
    ///
    /// - Parameter body: given an error, it is told why it is not done, and is to throw.
    func answer<Value>(
        on reactor: Reactor, _ origin: Origin, _ body: sending @escaping ((any Error)?) throws -> sending Value
    ) -> Deferred<Value> {
        var ticket: Int?
        let mark = AwaitedAnswer(reactor)
        let answer = Deferred<Value>(fileID: origin.fileID, line: origin.line) { [self] _ in
            mark.settle()
            ticket.map(cancel)
        }
        let waiting = reactor.bound((answer: answer, mark: mark))
        let job = Job(origin: origin) { refusal in
            let result: Result<Value, any Error>
            do { result = .success(try body(refusal)) } catch { result = .failure(error) }
            // Cancelled meanwhile, or given up, it has fired, and refuses to do so again.
            waiting.handle.callFromThread { reactor in
                waiting.value(on: reactor).mark.settle()
                try? waiting.value(on: reactor).answer.fire(result)
            }
        }
        ticket = add(job)
        return answer
    }
}
