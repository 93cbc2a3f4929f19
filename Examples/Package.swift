// swift-tools-version: 6.3
import PackageDescription

/// One folder each; `swift run --package-path Examples EchoServer` builds and starts one.
let examples = ["HelloServer", "EchoServer", "ChatServer", "KeyValueServer", "EchoClient"]

/// `SPINDLE_STRICT=1`, set by scripts/test and CI, turns warnings into errors.
let settings: [SwiftSetting] = Context.environment["SPINDLE_STRICT"] == "1" ? [.treatAllWarnings(as: .error)] : []

let package = Package(
    name: "spindle-examples",
    dependencies: [
        .package(name: "spindle", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.5.0"),
    ],
    targets: examples.map { name in
        .executableTarget(
            name: name,
            dependencies: [
                .product(name: "Spindle", package: "spindle"),
                .product(name: "SpindleProtocols", package: "spindle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: name,
            swiftSettings: settings
        )
    },
    swiftLanguageModes: [.v6]
)
