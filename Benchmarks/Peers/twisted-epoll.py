# bench: python-module twisted
#
# Echo on Twisted's epoll reactor, as Twisted's own documentation writes it, with TCP_NODELAY as in every peer.
import sys

from twisted.internet import epollreactor

epollreactor.install()
from twisted.internet import protocol, reactor


class Echo(protocol.Protocol):
    def connectionMade(self):
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data):
        self.transport.write(data)


port = reactor.listenTCP(
    int(sys.argv[1]) if len(sys.argv) > 1 else 0, protocol.Factory.forProtocol(Echo), backlog=1024, interface="127.0.0.1"
)
print("listening", port.getHost().port, flush=True)
reactor.run()
