// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target of this package is held to.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A room of the house: one narrow target under `Sources`.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A driver, or the registry of them: one target under `Drivers`.
func driver(_ name: String, folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Drivers/\(folder)", swiftSettings: strict)
}

/// The module of one C library that Debian packages.
func library(_ name: String, pkgConfig: String, debian: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([debian])])
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, resources: resources,
        swiftSettings: [.treatAllWarnings(as: .error)])
}

let package = Package(
    name: "swift-lbaas",
    products: [
        .executable(name: "lbaas-worker", targets: ["lbaas-worker"]),
        .library(name: "LBaaS", targets: ["LBaaS"]),
        .library(name: "JobMessages", targets: ["JobMessages"]),
    ],
    targets: [
        library("CGearman", pkgConfig: "gearmand", debian: "libgearman-dev"),
        library("CSQLite", pkgConfig: "sqlite3", debian: "libsqlite3-dev"),
        library("CInih", pkgConfig: "inih", debian: "libinih-dev"),
        library("CSystemd", pkgConfig: "libsystemd", debian: "libsystemd-dev"),
        .systemLibrary(name: "CGetopt"),
        .target(name: "CSpawn"),
        .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),

        room("LBaaS"),
        room("JobMessages", ["LBaaS", "CSimdJSON"]),
        room("StateStore", ["CSQLite"]),
        room("Controller", ["LBaaS", "JobMessages", "StateStore"]),
        room("JobQueue", ["CGearman"]),
        driver("DummyDriver", folder: "Dummy", ["LBaaS"]),
        driver("HAProxyDriver", folder: "HAProxy", ["LBaaS", "CSpawn"]),
        driver("KnownDrivers", folder: "KnownDrivers", ["LBaaS", "DummyDriver", "HAProxyDriver"]),
        .executableTarget(
            name: "lbaas-worker",
            dependencies: [
                "LBaaS", "JobMessages", "StateStore", "Controller", "JobQueue", "KnownDrivers",
                "CInih", "CSystemd", "CGetopt",
            ],
            swiftSettings: strict),

        .target(name: "TestSupport", path: "Tests/TestSupport"),
        tests("LBaaSTests", ["LBaaS", "TestSupport"]),
        tests("DummyDriverTests", ["DummyDriver", "KnownDrivers", "LBaaS", "TestSupport"]),
        .executableTarget(
            name: "interrupted-worker", dependencies: ["Controller", "HAProxyDriver", "JobMessages", "LBaaS", "StateStore"],
            path: "Tests/InterruptedWorker"),
        tests("HAProxyDriverTests", ["HAProxyDriver", "LBaaS", "TestSupport", "interrupted-worker"]),
        tests("JobMessagesTests", ["JobMessages", "LBaaS", "TestSupport"]),
        tests("StateStoreTests", ["StateStore", "CSQLite"]),
        tests("ControllerTests", ["Controller", "LBaaS", "JobMessages", "StateStore", "DummyDriver", "TestSupport"]),
        tests("JobQueueTests", ["JobQueue"]),
        tests("WorkerTests", ["lbaas-worker", "KnownDrivers", "LBaaS", "JobQueue"]),
        tests(
            "Integration", ["CGearman", "CSQLite", "JobMessages", "LBaaS", "lbaas-worker"],
            resources: [.copy("Vectors")]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
