import Glibc
import Testing

@testable import Spindle

/// Rule E3: happy eyeballs by RFC 8305, to the millisecond on a clock that is held.
@Suite(.ownThreads) struct AddressRaceTests {
    @Test("E3: the families take turns, the preferred one first, one attempt every 250 ms")
    func interleaving() throws {
        let race = try ScriptedRace()
        race.found(.ipv6, "6a", "6b", "6c")
        race.found(.ipv4, "4a", "4b")
        race.wait(10_000)
        #expect(race.log == ["0 6a", "250 4a", "500 6b", "750 4b", "1000 6c"])
        race.end("4b", "connected")
        let calledOff = race.log.dropFirst(5).prefix(4).sorted()
        #expect(calledOff == ["10000 no 4a", "10000 no 6a", "10000 no 6b", "10000 no 6c"])
        #expect(race.log.last == "10000 won by 4b")
    }

    @Test("E3: a failure starts the next attempt at once, and the 250 ms begin anew (Twisted waits, D11)")
    func fastFailure() throws {
        let race = try ScriptedRace()
        race.found(.ipv6, "6a", "6b")
        race.found(.ipv4, "4a", "4b")
        race.wait(10)
        race.end("6a", "refused")
        race.wait(249)
        #expect(race.log == ["0 6a", "10 4a"])
        race.wait(1)
        #expect(race.log == ["0 6a", "10 4a", "260 6b"])
        race.end("4a", "refused")
        race.end("6b", "refused")
        #expect(race.log.last == "260 4b")
        race.end("4b", "connected")
        #expect(race.log.suffix(1) == ["260 won by 4b"])
    }

    @Test("E3: the other family's answer waits 50 ms for the preferred one's", arguments: [49, 50, nil])
    func resolutionDelay(answerAt: Int?) throws {
        let race = try ScriptedRace()
        race.found(.ipv4, "4a", "4b")
        race.wait(49)
        #expect(race.log == [])
        if answerAt == 49 {
            race.found(.ipv6, "6a")
            race.wait(251)
            #expect(race.log == ["49 6a", "299 4a"])
        } else {
            race.wait(1)
            #expect(race.log == ["50 4a"])
            if answerAt == 50 { race.found(.ipv6, "6a") }
            race.wait(250)
            // Late, but still preferred to a second address of the other family.
            #expect(race.log.suffix(1) == [answerAt == nil ? "300 4b" : "300 6a"])
        }
    }

    @Test("E3: nothing is waited for when the preferred family fails or has no address", arguments: [true, false])
    func preferredFamilyIsNot(fails: Bool) throws {
        for isFirst in [true, false] {
            let race = try ScriptedRace()
            if !isFirst { race.found(.ipv4, "4a") }
            race.wait(20)
            if fails { race.failedToFind(.ipv6) } else { race.found(.ipv6) }
            if isFirst { race.found(.ipv4, "4a") }
            #expect(race.log == ["20 4a"])
            race.end("4a", "connected")
            #expect(race.log.last == "20 won by 4a")
        }
    }

    @Test("E3: addresses that come late are tried at once if there is nothing else to wait for")
    func lateAnswer() throws {
        // The only address has failed.
        let failed = try ScriptedRace()
        failed.found(.ipv6, "6a")
        failed.end("6a", "refused")
        failed.wait(30)
        failed.found(.ipv4, "4a")
        #expect(failed.log == ["0 6a", "30 4a"])
        // It has had its 250 ms.
        let slow = try ScriptedRace()
        slow.found(.ipv6, "6a")
        slow.wait(400)
        slow.found(.ipv4, "4a")
        #expect(slow.log == ["0 6a", "400 4a"])
        // It has not.
        let young = try ScriptedRace()
        young.found(.ipv6, "6a")
        young.wait(100)
        young.found(.ipv4, "4a")
        young.wait(150)
        #expect(young.log == ["0 6a", "250 4a"])
    }

    @Test("E3: the winner's rivals are called off before anybody hears of it, and nothing follows")
    func losers() throws {
        let race = try ScriptedRace()
        race.found(.ipv6, "6a", "6b")
        race.found(.ipv4, "4a", "4b")
        race.wait(250)
        race.end("4a", "connected")
        #expect(race.log == ["0 6a", "250 4a", "250 no 6a", "250 won by 4a"])
        race.wait(60_000)
        #expect(race.log.count == 4)
    }

    @Test("E3: when all fail at once the error is the one that tells of the host")
    func verdicts() throws {
        let cases: [(fates: [String: String], error: any Error.Type)] = [
            (["6a": "unreachable", "4a": "refused"], ConnectionRefusedError.self),
            (["6a": "no such family", "4a": "refused"], ConnectionRefusedError.self),
            (["6a": "refused", "4a": "timed out"], ConnectionRefusedError.self),
            (["6a": "timed out", "4a": "refused"], TCPTimedOutError.self),
            (["6a": "unreachable", "4a": "unreachable"], NoRouteError.self),
        ]
        for (fates, error) in cases {
            let race = try ScriptedRace()
            race.found(.ipv6, "6a")
            race.found(.ipv4, "4a")
            for name in ["6a", "4a"] { race.end(name, try #require(fates[name])) }
            #expect(race.log == ["0 6a", "0 4a", "0 failed"], "\(fates)")
            let failure = try #require(race.failure)
            #expect(type(of: failure) == error, "\(fates)")
        }
    }

    @Test("E3: with addresses of one family only, that family's fate counts; with none, the look-up's")
    func failedLookUps() throws {
        let half = try ScriptedRace()
        half.failedToFind(.ipv6)
        half.found(.ipv4, "4a")
        half.end("4a", "unreachable")
        #expect(half.failure is NoRouteError)
        let none = try ScriptedRace()
        none.failedToFind(.ipv6)
        none.found(.ipv4)
        #expect((none.failure as? DNSLookupError)?.name == "ipv6")
        let both = try ScriptedRace()
        both.failedToFind(.ipv4)
        both.failedToFind(.ipv6)
        #expect((both.failure as? DNSLookupError)?.name == "ipv4")
        let empty = try ScriptedRace()
        empty.found(.ipv4)
        #expect(empty.log == [])
        empty.found(.ipv6)
        #expect((empty.failure as? DNSLookupError)?.name == "nothing")
    }

    @Test("E3: cancelled at whatever stage, it calls off what runs and does nothing more", arguments: 0...5)
    func cancelling(stage: Int) throws {
        let race = try ScriptedRace()
        if stage >= 1 { race.found(.ipv4, "4a", "4b") }
        if stage >= 2 { race.wait(49) }
        if stage >= 3 { race.found(.ipv6, "6a", "6b") }
        if stage >= 4 { race.wait(250) }
        if stage >= 5 { race.end("6a", "refused") }
        let begun = ["", "", "", "6a", "6a 4a", "4a 6b"][stage].split(separator: " ").map { "no \($0)" }
        let before = race.log.count
        race.race.cancel()
        let now = race.log.dropFirst(before).map { $0.drop { $0 != " " }.dropFirst() }
        #expect(now.sorted() == begun.map { Substring($0) }.sorted())
        race.found(.ipv6, "6z")
        race.found(.ipv4, "4z")
        race.end("4a", "connected")
        race.wait(10_000)
        #expect(race.log.count == before + begun.count)
        #expect(race.timers == 0, "a timer was left behind")
    }

    @Test("E3: one family alone begins at once")
    func oneFamily() throws {
        let race = try ScriptedRace([.ipv4])
        race.found(.ipv4, "4a", "4b")
        race.wait(250)
        #expect(race.log == ["0 4a", "250 4b"])
    }

    @Test("E3: a race that nobody keeps is gone, timers and all")
    func released() throws {
        var script: ScriptedRace? = try ScriptedRace()
        script?.found(.ipv6, "6a", "6b")
        weak let race = script?.race
        #expect(race != nil)
        script?.race.cancel()
        script = nil
        #expect(race == nil)
    }
}

/// A race between attempts that end when a test says so.
private final class ScriptedRace {
    private(set) var log: [String] = []
    private(set) var failure: (any Error)?
    private(set) var race: AddressRace<String>!
    private let reactor: Reactor
    private let start: Double
    private var running: [String: (Result<String, any Error>) -> Void] = [:]

    init(_ families: [SocketAddress.Family] = [.ipv6, .ipv4]) throws {
        reactor = try Reactor(options: .forTests)
        reactor.stopClock()
        start = reactor.seconds
        let nothing = DNSLookupError(name: "nothing", reason: "")
        race = AddressRace(reactor, families, nothingFound: nothing) { [unowned self] address, ended in
            let name = Self.name(address)
            note(name)
            running[name] = ended
            return { [unowned self] in note("no \(name)") }
        } completion: { [unowned self] result in
            switch result {
            case .success(let winner): note("won by \(winner)")
            case .failure(let error):
                note("failed")
                failure = error
            }
        }
    }

    func found(_ family: SocketAddress.Family, _ names: String...) {
        race.found(family, .success(names.map(Self.address)))
    }

    func failedToFind(_ family: SocketAddress.Family) {
        race.found(family, .failure(DNSLookupError(name: "\(family)", reason: "no such name")))
    }

    func end(_ name: String, _ fate: String) {
        let address = Self.address(name)
        let errors: [String: CInt] = [
            "refused": ECONNREFUSED, "unreachable": EHOSTUNREACH, "timed out": ETIMEDOUT,
            "no such family": EAFNOSUPPORT,
        ]
        let error = errors[fate].map { SystemError($0, "connect").connecting(to: address) }
        running.removeValue(forKey: name)?(error.map { .failure($0) } ?? .success(name))
    }

    func wait(_ milliseconds: Int) { reactor.advance(by: .milliseconds(milliseconds)) }

    var timers: Int { reactor.timers.count }

    private func note(_ what: String) { log.append("\(Int(((reactor.seconds - start) * 1000).rounded())) \(what)") }

    /// "6a" is an IPv6 address with the port of the letter.
    private static func address(_ name: String) -> SocketAddress {
        let port = UInt16(name.utf8.last ?? 0)
        return SocketAddress(
            name.hasPrefix("6") ? .ipv6(.init(high: 0, low: 1), port: port) : .ipv4(0x7f00_0001, port: port))
    }

    private static func name(_ address: SocketAddress) -> String {
        (address.family == .ipv6 ? "6" : "4") + String(UnicodeScalar(UInt8(address.port ?? 0)))
    }
}
