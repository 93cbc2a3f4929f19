# bench: python-module uvloop
#
# Echo on uvloop as its users write it: an asyncio.Protocol, uvloop's event loop below it. asyncio sets TCP_NODELAY by
# itself. SIGTERM has its default action, as in the other peers.
import asyncio
import sys

import uvloop


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port, backlog=1024)
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


uvloop.run(main())
