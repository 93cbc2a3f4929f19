// bench: variant swiftnio-async --async
// bench: variant swiftnio-async-loop --async-loop
//
// Echo on SwiftNIO as its own example servers write it: a ServerBootstrap, a handler that writes what it reads and
// flushes when a burst of reads is over. One event loop thread. With --async it is NIOAsyncChannel, whose tasks run on
// Swift's global executor, and with --async-loop that executor is the event loop itself. For `scripts/bench group`:
// --threads N event loops, --work ROUNDS of computing for each message.
import Glibc
import NIOCore
import NIOPosix

/// Stands for what a server does besides echoing: xorshift, each round of which depends on the one before it.
@inline(never)
private func compute(_ rounds: Int) -> UInt64 {
    (0..<rounds).reduce(1) { last, _ in
        let first = last ^ (last << 13)
        let second = first ^ (first >> 7)
        return second ^ (second << 17)
    }
}

private final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let rounds: Int
    init(_ rounds: Int) { self.rounds = rounds }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if compute(rounds) != 0 { context.write(data, promise: nil) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

private func bootstrap(_ group: any EventLoopGroup) -> ServerBootstrap {
    ServerBootstrap(group: group)
        .serverChannelOption(.backlog, value: 1024)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.maxMessagesPerRead, value: 16)
        .childChannelOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator())
}

private func listening(_ channel: any Channel) {
    print("listening \(channel.localAddress?.port ?? 0)")
    fflush(nil)  // stdout may be a pipe, and a pipe is not flushed at the end of a line
}

private func serveByHandler(_ group: any EventLoopGroup, _ port: Int, work rounds: Int) throws {
    let server = try bootstrap(group)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(EchoHandler(rounds))
            }
        }
        .bind(host: "127.0.0.1", port: port).wait()
    listening(server)
    try server.closeFuture.wait()
}

private func serveByTasks(_ group: any EventLoopGroup, _ port: Int) async throws {
    let server = try await bootstrap(group).bind(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
    }
    listening(server.channel)
    try await withThrowingDiscardingTaskGroup { group in
        try await server.executeThenClose { clients in
            for try await client in clients {
                group.addTask {
                    try? await client.executeThenClose { inbound, outbound in
                        for try await chunk in inbound { try await outbound.write(chunk) }
                    }
                }
            }
        }
    }
}

let arguments = CommandLine.arguments.dropFirst()
let port = arguments.first.flatMap { Int($0) } ?? 0
private func number(_ option: String) -> Int? {
    arguments.firstIndex(of: option).flatMap { Int(arguments[$0 + 1]) }
}
if arguments.contains("--async-loop") {
    NIOSingletons.groupLoopCountSuggestion = 1
    NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
}
let group: any EventLoopGroup =
    arguments.contains("--async-loop")
    ? MultiThreadedEventLoopGroup.singleton : MultiThreadedEventLoopGroup(numberOfThreads: number("--threads") ?? 1)
if arguments.first == "await" {
    try await Awaiting.run(group.next(), CommandLine.arguments[2], Int(CommandLine.arguments[3])!)
} else if arguments.contains("--async") || arguments.contains("--async-loop") {
    try await serveByTasks(group, port)
} else {
    try serveByHandler(group, port, work: number("--work") ?? 0)
}
