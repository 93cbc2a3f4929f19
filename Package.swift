// swift-tools-version: 6.3
import PackageDescription

#if !os(Linux)
    #error("Spindle supports Linux only: it is built on epoll, eventfd and timerfd.")
#endif

/// Every target is Swift 6, spells out `any` and `unsafe`, and imports what it uses.
/// `SPINDLE_STRICT=1`, set by scripts/test and CI, turns warnings into errors.
var settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
if Context.environment["SPINDLE_STRICT"] == "1" {
    settings.append(.treatAllWarnings(as: .error))
}

/// Tests speak to plain sockets, pointers and all. In batches the optimizer has work for every core; a whole module is one
/// thread's.
let testSettings =
    Array(settings.dropFirst()) + [
        .unsafeFlags(["-no-whole-module-optimization", "-enable-batch-mode"], .when(configuration: .release))
    ]

let package = Package(
    name: "spindle",
    products: [
        .library(name: "Spindle", targets: ["Spindle"]),
        .library(name: "SpindleProtocols", targets: ["SpindleProtocols"]),
        .library(name: "SpindleDNS", targets: ["SpindleDNS"]),
        .library(name: "SpindleEvHTTP", targets: ["SpindleEvHTTP"]),
        .library(name: "SpindleTesting", targets: ["SpindleTesting"]),
        .library(name: "SpindleTLS", targets: ["SpindleTLS"]),
        // libspindle.so: for C programs, and for Swift code that lives in one process with them. That depends on this
        // product only: beside it "Spindle" would be a second copy, with reactors and a registry of its own.
        .library(
            name: "spindle", type: .dynamic, targets: ["Spindle", "SpindleProtocols", "SpindleC", "CSpindle"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log.git", from: "1.6.0")
    ],
    targets: [
        // pkg-config's "libevent_core" and never "libevent_pthreads" or "libevent": those
        // pull in a second copy of the core, with globals of its own.
        .systemLibrary(
            name: "CLibEvent",
            path: "CLibEvent",
            pkgConfig: "libevent_core",
            providers: [.apt(["libevent-dev"])]
        ),
        .target(
            name: "Spindle",
            dependencies: [
                "CLibEvent",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(name: "SpindleProtocols", dependencies: ["Spindle"], swiftSettings: settings),
        // Targets of their own for the sake of libevent_extra, which most programs do without.
        .target(name: "SpindleDNS", dependencies: ["Spindle", "CLibEvent"], swiftSettings: settings),
        .target(
            name: "SpindleEvHTTP",
            dependencies: ["Spindle", "CLibEvent", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings
        ),
        .target(name: "SpindleTesting", dependencies: ["Spindle"], swiftSettings: settings),
        // OpenSSL is for those who use this product only.
        .systemLibrary(
            name: "COpenSSL",
            path: "COpenSSL",
            pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]
        ),
        .target(
            name: "SpindleTLS",
            dependencies: ["Spindle", "COpenSSL", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings
        ),
        // The C face: a header written by hand, and its functions in Swift.
        .target(name: "CSpindle"),
        .target(
            name: "SpindleC",
            dependencies: ["Spindle", "CSpindle", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings
        ),
        .target(
            name: "TestSupport", dependencies: ["Spindle"], path: "Tests/TestSupport", swiftSettings: testSettings),
        // A carrier and a filter from outside the core, without @testable: what SpindleTesting and SpindleTLS do.
        .target(name: "TestCarriers", dependencies: ["Spindle"], path: "Tests/TestCarriers", swiftSettings: settings),
        // For the tests of how a process ends.
        .executableTarget(
            name: "TestProgram", dependencies: ["Spindle"], path: "Tests/TestProgram", swiftSettings: testSettings),
        .testTarget(
            name: "SpindleTests",
            dependencies: [
                "Spindle", "SpindleDNS", "SpindleEvHTTP", "SpindleTesting", "SpindleC", "CSpindle", "CLibEvent",
                "TestCarriers", "TestSupport", "TestProgram",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "SpindleProtocolsTests",
            dependencies: ["Spindle", "SpindleProtocols", "TestSupport"],
            swiftSettings: testSettings
        ),
        .testTarget(
            name: "SpindleTLSTests",
            dependencies: [
                "Spindle", "SpindleProtocols", "SpindleTLS", "TestCarriers", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: testSettings
        ),
    ],
    swiftLanguageModes: [.v6]
)
