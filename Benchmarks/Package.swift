// swift-tools-version: 6.2
import PackageDescription

/// What the C targets are held to.
let c: [CSetting] = [
    .define("_GNU_SOURCE"),
    .enableWarning("all"),
    .enableWarning("extra"),
    .treatAllWarnings(as: .error),
]

/// What the Swift targets are held to.
let swift: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "swift-lbaas-benchmarks",
    products: [.library(name: "ipvs-stub", type: .dynamic, targets: ["ipvs-stub"])],
    targets: [
        .target(name: "support", cSettings: c),
        .executableTarget(
            name: "echo-worker", dependencies: ["support"], cSettings: c,
            linkerSettings: [.linkedLibrary("gearman"), .linkedLibrary("pthread")]),
        .executableTarget(name: "job-load", dependencies: ["support"], cSettings: c, linkerSettings: [.linkedLibrary("gearman")]),
        .executableTarget(name: "half-busy", cSettings: c),
        .executableTarget(
            name: "http-bytes", dependencies: ["support"], cSettings: c, linkerSettings: [.linkedLibrary("microhttpd")]),
        .executableTarget(name: "stream-clients", dependencies: ["support"], cSettings: c),
        .executableTarget(name: "health-nodes", dependencies: ["support"], cSettings: c),
        .executableTarget(name: "mortal-nodes", dependencies: ["support"], cSettings: c),
        .target(name: "ipvs-stub", dependencies: ["CNetlinkHeaders"], cSettings: c),
        .systemLibrary(name: "CNetlinkHeaders", pkgConfig: "libnl-genl-3.0", providers: [.apt(["libnl-genl-3-dev"])]),
        .executableTarget(name: "raw-ipvs", dependencies: ["support"], cSettings: c),
        .target(name: "BenchSupport", dependencies: ["support"], swiftSettings: swift),
        .executableTarget(name: "bench-jobs", dependencies: ["BenchSupport"], swiftSettings: swift),
        .executableTarget(name: "bench-api", dependencies: ["BenchSupport"], swiftSettings: swift),
        .executableTarget(name: "bench-health", dependencies: ["BenchSupport"], swiftSettings: swift),
        .executableTarget(name: "bench-ipvs", dependencies: ["BenchSupport"], swiftSettings: swift),
        .executableTarget(name: "bench-vip", dependencies: ["BenchSupport"], swiftSettings: swift),
        .executableTarget(name: "bench-haproxy", dependencies: ["BenchSupport"], swiftSettings: swift),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17
)
