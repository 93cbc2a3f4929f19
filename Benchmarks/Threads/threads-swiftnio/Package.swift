// swift-tools-version: 6.2
import PackageDescription

// A package of its own: who cannot fetch SwiftNIO can still build and measure Spindle. The folder is not called
// swift-nio, because SwiftPM knows a package by its folder's name.
let package = Package(
    name: "peer-threads-swiftnio",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.80.0")
    ],
    targets: [
        .executableTarget(
            name: "peer-threads-swiftnio",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: ".",
            sources: ["main.swift"]
        )
    ]
)
