// Echo on SwiftNIO as its own example server writes it: a ServerBootstrap, a handler that writes what it reads and
// flushes when a burst of reads is over. One event loop thread.
import Glibc
import NIOCore
import NIOPosix

private final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.write(data, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let bootstrap = ServerBootstrap(group: group)
    .serverChannelOption(.backlog, value: 1024)
    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
    .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(EchoHandler())
        }
    }
    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    .childChannelOption(.maxMessagesPerRead, value: 16)
    .childChannelOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator())

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 0
let server = try bootstrap.bind(host: "127.0.0.1", port: port).wait()
print("listening \(server.localAddress?.port ?? 0)")
fflush(nil)  // stdout may be a pipe, and a pipe is not flushed at the end of a line
try server.closeFuture.wait()
