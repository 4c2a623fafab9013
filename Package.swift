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

/// A room of the fleet's server: one target under `Sources/Fleet`.
func fleet(_ name: String, folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/Fleet/\(folder)", swiftSettings: strict)
}

/// A driver, or the registry of them: one target under `Drivers`.
func driver(_ name: String, folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Drivers/\(folder)", swiftSettings: strict)
}

/// A notifier, or the registry of them: one target under `Notifiers`.
func notifier(_ name: String, folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Notifiers/\(folder)", swiftSettings: strict)
}

/// The module of one C library that Debian packages.
func library(_ name: String, pkgConfig: String, debian: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([debian])])
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources,
        swiftSettings: [.treatAllWarnings(as: .error)])
}

let package = Package(
    name: "swift-lbaas",
    products: [
        .executable(name: "lbaas-worker", targets: ["lbaas-worker"]),
        .executable(name: "lbaasctl", targets: ["lbaasctl"]),
        .executable(name: "lbaas-server", targets: ["lbaas-server"]),
        .library(name: "LBaaS", targets: ["LBaaS"]),
        .library(name: "Requests", targets: ["Requests"]),
        .library(name: "LoadBalancerJSON", targets: ["LoadBalancerJSON"]),
        .library(name: "JobMessages", targets: ["JobMessages"]),
        .library(name: "IPVSDriver", targets: ["IPVSDriver"]),
    ],
    targets: [
        library("CGearman", pkgConfig: "gearmand", debian: "libgearman-dev"),
        library("CSQLite", pkgConfig: "sqlite3", debian: "libsqlite3-dev"),
        .systemLibrary(name: "CSystemd"),
        library("CNetlink", pkgConfig: "libnl-genl-3.0", debian: "libnl-genl-3-dev"),
        .target(name: "CCurl"),
        library("CZlib", pkgConfig: "zlib", debian: "zlib1g-dev"),
        library("CCrypto", pkgConfig: "openssl", debian: "libssl-dev"),
        library("CSodium", pkgConfig: "libsodium", debian: "libsodium-dev"),
        library("CYAML", pkgConfig: "yaml-0.1", debian: "libyaml-dev"),
        library("CMicrohttpd", pkgConfig: "libmicrohttpd", debian: "libmicrohttpd-dev"),
        .systemLibrary(name: "CGetopt"),
        .target(name: "CProgramArguments"),
        .target(name: "CSpawn"),
        .systemLibrary(name: "CLinux"),
        .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),

        room("LBaaS"),
        room("HostSystem", ["CCrypto", "CLinux", "CSpawn", "LBaaS"]),
        room("Requests", ["LBaaS"]),
        room("JSON", ["CSimdJSON"]),
        room("LoadBalancerJSON", ["JSON", "LBaaS"]),
        room("JobMessages", ["JSON", "LBaaS", "LoadBalancerJSON", "Requests"]),
        room("SQLite", ["CSQLite", "LBaaS"]),
        room("StateStore", ["CSQLite", "LBaaS", "LoadBalancerJSON", "SQLite"]),
        room("Controller", ["HostSystem", "LBaaS", "Requests", "StateStore"]),
        room("Arguments", ["CGetopt", "CProgramArguments"]),
        room("DaemonSupport", ["CLinux", "CSystemd", "Arguments", "HostSystem", "LBaaS"]),
        room("JobQueue", ["CGearman", "HostSystem"]),
        room("GearmanClient", ["CGearman", "HostSystem", "JobQueue"]),
        room("ServiceSettings", ["DaemonSupport", "Etcd", "HTTPServer", "HostSystem", "JobQueue", "LBaaS"]),
        room("HealthChecks", ["LBaaS", "HostSystem", "CCurl", "CLinux"]),
        room("Netlink", ["CNetlink"]),
        room("HTTPServer", ["CMicrohttpd", "HostSystem"]),
        room("Metrics", ["HostSystem"]),
        room("Authorization", ["CCrypto", "HostSystem", "LBaaS"]),
        room("WebPage", ["Authorization", "HTTPServer", "LBaaS"]),
        .target(name: "Dashboard", dependencies: ["WebPage"], resources: [.embedInCode("Page")], swiftSettings: strict),
        room(
            "WorkerAPI",
            [
                "Authorization", "Dashboard", "HTTPServer", "HostSystem", "JSON", "LBaaS", "LoadBalancerJSON", "Metrics", "Requests",
                "WebPage",
                "WorkerMetrics",
            ]),
        room("KeepalivedAPI", ["Authorization", "HTTPServer", "JSON", "LBaaS", "LoadBalancerJSON", "Requests"]),
        room("WorkerMetrics", ["HostSystem", "LBaaS", "Metrics", "Requests"]),
        room("Terminal", ["CLinux", "HostSystem"]),
        room("KeepalivedFile", ["JSON", "LBaaS"]),
        room("HTTPClient", ["CCurl", "HostSystem"]),
        room("Etcd", ["CCurl", "HTTPClient", "HostSystem", "JSON"]),
        room("Kubernetes", ["CCurl", "CYAML", "HTTPClient", "HostSystem", "JSON", "LBaaS"]),
        room("Coordination", ["Etcd", "HostSystem", "JSON", "LBaaS"]),
        fleet("FleetStore", folder: "Store", ["CSQLite", "Etcd", "HostSystem", "LBaaS", "SQLite"]),
        fleet("FleetAuth", folder: "Auth", ["Authorization", "CSodium", "FleetStore", "HostSystem", "JSON", "LBaaS"]),
        fleet(
            "FleetIdentity", folder: "Identity", ["Authorization", "FleetAuth", "HTTPServer", "HostSystem", "JSON", "LBaaS"]),
        fleet(
            "FleetFront", folder: "Front",
            [
                "Authorization", "Dashboard", "FleetAuth", "FleetIdentity", "FleetModel", "FleetStore", "FleetWeb", "HTTPServer",
                "HostSystem",
                "JSON", "LBaaS", "WebPage",
            ]),
        .target(
            name: "FleetWeb", dependencies: ["WebPage"], path: "Sources/Fleet/Web", resources: [.embedInCode("Page")],
            swiftSettings: strict),
        fleet("FleetModel", folder: "Model", ["FleetStore", "HostSystem", "JSON", "LBaaS", "LoadBalancerJSON"]),
        fleet(
            "FleetOctavia", folder: "Octavia",
            ["Authorization", "FleetAuth", "FleetIdentity", "FleetModel", "FleetStore", "HTTPServer", "HostSystem", "JSON", "LBaaS"]),
        fleet(
            "FleetDispatch", folder: "Dispatch",
            ["FleetModel", "FleetStore", "GearmanClient", "HostSystem", "JSON", "JobQueue", "LBaaS", "Metrics"]),
        room("VirtualIPs", ["CLinux", "HostSystem", "LBaaS", "Netlink"]),
        room("HostEdge", ["HostSystem", "LBaaS", "Netlink"]),
        driver("DummyDriver", folder: "Dummy", ["LBaaS"]),
        driver("IPVSDriver", folder: "IPVS", ["CLinux", "LBaaS", "Netlink"]),
        driver("HAProxyDriver", folder: "HAProxy", ["LBaaS", "HostSystem", "CCrypto", "CCurl", "CLinux", "CSpawn", "CZlib"]),
        driver("KnownDrivers", folder: "KnownDrivers", ["LBaaS", "DummyDriver", "HAProxyDriver", "IPVSDriver"]),
        notifier("DummyNotifier", folder: "Dummy", ["LBaaS"]),
        notifier("ExecNotifier", folder: "Exec", ["LBaaS", "JSON", "HostSystem"]),
        notifier("BGPNotifier", folder: "BGP", ["LBaaS", "HostSystem"]),
        notifier("KnownNotifiers", folder: "KnownNotifiers", ["LBaaS", "DummyNotifier", "ExecNotifier", "BGPNotifier"]),
        .executableTarget(
            name: "lbaas-worker",
            dependencies: [
                "Arguments", "LBaaS", "LoadBalancerJSON", "Requests", "JobMessages", "StateStore", "Controller", "JobQueue", "HealthChecks",
                "HostSystem", "DaemonSupport", "KnownDrivers", "KnownNotifiers", "Coordination", "VirtualIPs", "KeepalivedAPI",
                "WorkerAPI",
                "HTTPServer", "Authorization", "ServiceSettings", "WorkerMetrics", "HostEdge", "JSON", "Kubernetes", "Metrics",
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "lbaas-server",
            dependencies: [
                "Arguments", "Authorization", "DaemonSupport", "Etcd", "FleetAuth", "FleetDispatch", "FleetFront", "FleetIdentity",
                "FleetModel",
                "FleetOctavia",
                "FleetStore", "HTTPServer", "HostSystem", "JSON", "JobQueue", "LBaaS", "Metrics", "ServiceSettings", "Terminal",
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "lbaasctl",
            dependencies: [
                "Arguments", "Authorization", "CCurl", "HTTPClient", "HostSystem", "JSON", "KeepalivedFile", "LBaaS", "Terminal",
            ],
            swiftSettings: strict),
        // Parts of the benchmarks. They are here because they measure what only this package may call.
        .executableTarget(
            name: "checker-health", dependencies: ["HealthChecks", "HostSystem", "LBaaS"], path: "Benchmarks/Sources/checker-health",
            swiftSettings: strict),
        .executableTarget(
            name: "driver-ipvs", dependencies: ["CNamespaces", "IPVSDriver", "LBaaS"], path: "Benchmarks/Sources/driver-ipvs",
            swiftSettings: strict),

        .target(name: "TestSupport", dependencies: ["CNamespaces", "LBaaS"], path: "Tests/TestSupport"),
        .target(
            name: "WorkerHarness", dependencies: ["CGearman", "TestSupport"], path: "Tests/WorkerHarness",
            swiftSettings: [.treatAllWarnings(as: .error)]),
        .target(name: "FleetTestSupport", dependencies: ["JSON", "TestSupport"], path: "Tests/FleetTestSupport"),
        .target(name: "ObjectStores", dependencies: ["HostSystem", "TestSupport"], path: "Tests/ObjectStores"),
        .target(name: "HostEdgeTestSupport", dependencies: ["HostEdge", "LBaaS", "TestSupport"], path: "Tests/HostEdgeTestSupport"),
        .target(name: "NetlinkTestSupport", dependencies: ["Netlink"], path: "Tests/NetlinkTestSupport"),
        .target(name: "EtcdTestSupport", dependencies: ["Etcd", "TestSupport"], path: "Tests/EtcdTestSupport"),
        .target(
            name: "KubernetesTestSupport", dependencies: ["Kubernetes", "TestSupport"], path: "Tests/KubernetesTestSupport",
            exclude: ["replay_server.py"]),
        .systemLibrary(name: "CNamespaces", path: "Tests/CNamespaces"),
        tests("LBaaSTests", ["LBaaS", "TestSupport"]),
        tests("DriverGuide", ["LBaaS", "TestSupport"]),
        tests("DummyDriverTests", ["DummyDriver", "KnownDrivers", "LBaaS", "TestSupport"]),
        tests("IPVSDriverTests", ["IPVSDriver", "LBaaS", "Netlink", "NetlinkTestSupport", "TestSupport"]),
        .executableTarget(
            name: "interrupted-worker", dependencies: ["Controller", "HAProxyDriver", "JobMessages", "LBaaS", "Requests", "StateStore"],
            path: "Tests/InterruptedWorker"),
        tests("HAProxyDriverTests", ["HAProxyDriver", "HostSystem", "LBaaS", "ObjectStores", "TestSupport", "interrupted-worker"]),
        tests("JobMessagesTests", ["JobMessages", "LBaaS", "LoadBalancerJSON", "Requests", "TestSupport"]),
        tests("StateStoreTests", ["CNamespaces", "StateStore", "CSQLite", "LBaaS", "TestSupport"]),
        tests(
            "ControllerTests",
            [
                "Controller", "DummyDriver", "HostSystem", "JobMessages", "LBaaS", "LoadBalancerJSON", "Requests", "StateStore",
                "TestSupport",
            ]),
        tests("Simulation", ["Controller", "HealthChecks", "HostSystem", "LBaaS", "Requests", "StateStore", "TestSupport"]),
        tests("HostSystemTests", ["HostSystem", "TestSupport"]),
        tests("JobQueueTests", ["JobQueue", "CGearman", "HostSystem", "TestSupport"]),
        tests("HealthChecksTests", ["HealthChecks", "HostSystem", "LBaaS", "TestSupport"]),
        tests("NotifierTests", ["BGPNotifier", "DummyNotifier", "ExecNotifier", "KnownNotifiers", "LBaaS", "TestSupport"]),
        tests("NetlinkTests", ["Netlink", "CNetlink", "NetlinkTestSupport", "TestSupport"]),
        tests("ArgumentsTests", ["Arguments", "TestSupport"]),
        tests("TerminalTests", ["Terminal", "TestSupport"]),
        tests("HTTPClientTests", ["HTTPClient", "TestSupport"]),
        tests("OperatorTests", ["Arguments", "JSON", "Terminal", "TestSupport", "WorkerHarness", "lbaasctl"]),
        tests(
            "FleetOperatorTests",
            [
                "FleetAuth", "FleetFront", "FleetModel", "FleetStore", "FleetTestSupport", "HTTPServer", "HostSystem", "TestSupport",
                "WorkerHarness", "lbaasctl",
            ]),
        tests("KeepalivedFileTests", ["KeepalivedFile"]),
        tests("HTTPServerTests", ["HTTPServer", "TestSupport"]),
        tests("AuthorizationTests", ["Authorization", "HostSystem", "LBaaS", "TestSupport"]),
        tests(
            "WorkerAPITests",
            ["Authorization", "Dashboard", "HTTPServer", "LBaaS", "Requests", "TestSupport", "WorkerAPI", "WorkerMetrics"]),
        tests("KeepalivedAPITests", ["HTTPServer", "KeepalivedAPI", "LBaaS", "Requests", "TestSupport"]),
        tests("MetricsTests", ["HTTPServer", "Metrics", "TestSupport"]),
        tests("EtcdTests", ["Etcd", "EtcdTestSupport", "HTTPClient", "HostSystem", "JSON", "TestSupport"]),
        tests(
            "KubernetesTests", ["HTTPClient", "HostSystem", "JSON", "Kubernetes", "KubernetesTestSupport", "LBaaS", "TestSupport"],
            exclude: ["Vectors"]),
        .executableTarget(name: "fleet-store-process", dependencies: ["FleetStore", "HostSystem"], path: "Tests/FleetStoreProcess"),
        tests(
            "FleetStoreTests",
            ["CSQLite", "Etcd", "EtcdTestSupport", "FleetStore", "HostSystem", "TestSupport", "fleet-store-process"]),
        tests(
            "FleetAuthTests", ["Authorization", "EtcdTestSupport", "FleetAuth", "FleetStore", "HostSystem", "LBaaS", "TestSupport"]),
        tests(
            "FleetFrontTests",
            [
                "FleetAuth", "FleetFront", "FleetIdentity", "FleetModel", "FleetStore", "FleetTestSupport", "FleetWeb", "HTTPServer",
                "HostSystem", "JSON", "LBaaS", "TestSupport", "WebPage",
            ]),
        tests(
            "FleetIdentityTests",
            ["FleetAuth", "FleetIdentity", "FleetStore", "FleetTestSupport", "HTTPServer", "HostSystem", "TestSupport"]),
        tests(
            "FleetModelTests",
            ["EtcdTestSupport", "FleetModel", "FleetStore", "HostSystem", "JSON", "LBaaS", "LoadBalancerJSON", "TestSupport"]),
        tests("GearmanClientTests", ["GearmanClient", "HostSystem", "JobQueue", "TestSupport", "WorkerHarness", "lbaas-worker"]),
        tests(
            "FleetDispatchTests",
            [
                "EtcdTestSupport", "FleetDispatch", "FleetModel", "FleetStore", "HostSystem", "JSON", "JobQueue", "LBaaS", "Metrics",
                "TestSupport",
                "WorkerHarness", "lbaas-worker",
            ]),
        tests(
            "ServerTests",
            [
                "DaemonSupport", "EtcdTestSupport", "FleetDispatch", "FleetTestSupport", "Metrics", "TestSupport", "WorkerHarness",
                "lbaas-server", "lbaas-worker", "lbaasctl",
            ]),
        tests(
            "FleetOctaviaTests",
            [
                "Authorization", "Controller", "EtcdTestSupport", "FleetAuth", "FleetModel", "FleetOctavia", "FleetStore",
                "FleetTestSupport",
                "HTTPServer",
                "HostSystem", "JSON", "LBaaS", "LoadBalancerJSON", "TestSupport",
            ]),
        tests("CoordinationTests", ["Coordination", "Etcd", "EtcdTestSupport", "HostSystem", "LBaaS", "TestSupport"]),
        tests("HostEdgeTests", ["HostEdge", "HostEdgeTestSupport", "LBaaS", "Netlink", "TestSupport"]),
        .executableTarget(
            name: "virtual-ip-holder", dependencies: ["HostSystem", "LBaaS", "VirtualIPs"], path: "Tests/VirtualIPHolder"),
        tests("VirtualIPsTests", ["HostSystem", "LBaaS", "Netlink", "TestSupport", "VirtualIPs", "virtual-ip-holder"]),
        .executableTarget(
            name: "virtual-ip-lab",
            dependencies: ["CLinux", "EtcdTestSupport", "HostSystem", "LBaaS", "TestSupport", "WorkerHarness"],
            path: "Tests/VirtualIPLab", swiftSettings: [.treatAllWarnings(as: .error)]),
        tests("DaemonSupportTests", ["DaemonSupport", "HostSystem", "LBaaS", "TestSupport"]),
        tests(
            "WorkerTests",
            [
                "lbaas-worker", "Coordination", "DaemonSupport", "Etcd", "HealthChecks", "HostSystem", "KnownDrivers", "KnownNotifiers",
                "HostEdge", "Kubernetes", "LBaaS", "JobQueue", "Metrics", "ServiceSettings", "TestSupport", "VirtualIPs",
                "WorkerMetrics",
            ]),
        tests(
            "Integration",
            [
                "BGPNotifier", "CGearman", "CSQLite", "EtcdTestSupport", "JobMessages", "Kubernetes", "KubernetesTestSupport", "LBaaS",
                "ObjectStores",
                "TestSupport",
                "WorkerHarness", "lbaas-worker", "lbaasctl",
            ],
            resources: [.copy("Vectors")]),
        tests(
            "Kernel",
            [
                "CNamespaces", "Controller", "HostEdge", "HostEdgeTestSupport", "IPVSDriver", "JobMessages", "LBaaS", "Netlink", "Requests",
                "StateStore", "TestSupport", "VirtualIPs", "WorkerHarness", "lbaas-worker",
            ],
            exclude: ["rig"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

// What scripts/fuzz builds, and no other build has. libFuzzer brings the main function, so it is a library.
if Context.environment["LBAAS_FUZZ"] != nil {
    package.products.append(.library(name: "Fuzz", type: .static, targets: ["Fuzz"]))
    package.targets.append(
        .target(
            name: "Fuzz",
            dependencies: [
                "BGPNotifier", "CGearman", "DaemonSupport", "HAProxyDriver", "HostSystem", "IPVSDriver", "JobMessages", "JobQueue",
                "KeepalivedFile", "Kubernetes", "LBaaS", "LoadBalancerJSON", "Netlink", "NetlinkTestSupport", "Requests",
            ],
            path: "Tests/Fuzz", exclude: ["Seeds", "jobs.dict"], swiftSettings: [.treatAllWarnings(as: .error)]))
}
