"""A real Twisted client. hello PORT: says hello and leaves. echo PORT: wants 1 MiB back as it was sent."""

import os
import sys

from twisted.internet import defer, endpoints, protocol, task


class Hello(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(b"hello from Twisted")
        self.transport.loseConnection()

    def connectionLost(self, reason):
        self.factory.finished.callback(None)


class Echo(protocol.Protocol):
    def connectionMade(self):
        self.sent, self.received = os.urandom(1 << 20), bytearray()
        self.transport.write(self.sent)

    def dataReceived(self, data):
        self.received += data
        if len(self.received) >= len(self.sent):
            self.transport.loseConnection()

    def connectionLost(self, reason):
        if self.received == self.sent:
            self.factory.finished.callback(None)
        else:
            self.factory.finished.errback(reason)


async def main(reactor, kind, port):
    factory = protocol.Factory.forProtocol({"hello": Hello, "echo": Echo}[kind])
    factory.finished = defer.Deferred()
    await endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", int(port)).connect(factory)
    await factory.finished


task.react(main, sys.argv[1:])
