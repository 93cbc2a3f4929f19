// swift-tools-version: 6.3
import PackageDescription

/// A Swift peer: the single file `Peers/NAME/main.swift`. scripts/bench finds it there by itself.
/// Peers that bring packages of their own have a manifest beside it, so that Spindle builds without them.
func peer(_ name: String, in folder: String = "Peers", _ dependencies: Target.Dependency...) -> Target {
    .executableTarget(name: "peer-\(name)", dependencies: dependencies, path: "\(folder)/\(name)")
}

let package = Package(
    name: "spindle-benchmarks",
    dependencies: [
        .package(name: "spindle", path: "..")
    ],
    targets: [
        peer("spindle", .product(name: "Spindle", package: "spindle")),
        // A C program on libevent, and Spindle in it.
        .target(name: "host", path: "Peers/host", linkerSettings: [.linkedLibrary("event_core")]),
        peer("spindle-adopted", .product(name: "Spindle", package: "spindle"), "host"),
        peer("timers-spindle", in: "Timers", .product(name: "Spindle", package: "spindle")),
        peer("threads-spindle", in: "Threads", .product(name: "Spindle", package: "spindle")),
        peer("threads-dispatch", in: "Threads"),
    ]
)
