"""A name server on 127.0.0.1 for the tests of SpindleDNS: Twisted's, with a few names of ours.

Prints its port and serves until its standard input ends.
"""

from twisted.internet import defer, reactor, stdio
from twisted.internet.protocol import Protocol
from twisted.names import dns, error, server


class Names:
    """What the server knows: a resolver, as twisted.names has it."""

    addresses = {
        b"both.test": (["192.0.2.1", "192.0.2.2"], ["2001:db8::1"]),
        b"four.test": (["192.0.2.4"], []),
    }

    def query(self, query, timeout=None):
        name = query.name.name.lower()
        if name.startswith(b"silent"):
            return defer.Deferred()
        if name.startswith(b"number"):
            number = int(name[6:].split(b".")[0])
            v4, v6 = ["10.0.%d.%d" % divmod(number, 256)], []
        elif name in self.addresses:
            v4, v6 = self.addresses[name]
        else:
            return defer.fail(error.DomainError(query.name))
        records = []
        if query.type == dns.A:
            records = [dns.Record_A(address) for address in v4]
        elif query.type == dns.AAAA:
            records = [dns.Record_AAAA(address) for address in v6]
        answers = [dns.RRHeader(query.name.name, r.TYPE, dns.IN, 60, r) for r in records]
        return defer.succeed((answers, [], []))


class UntilInputEnds(Protocol):
    def connectionLost(self, reason):
        if reactor.running:
            reactor.stop()


factory = server.DNSServerFactory(clients=[Names()])
port = reactor.listenUDP(0, dns.DNSDatagramProtocol(factory), interface="127.0.0.1")
stdio.StandardIO(UntilInputEnds())
print(port.getHost().port, flush=True)
reactor.run()
