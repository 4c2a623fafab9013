// swift-tools-version: 6.2
import PackageDescription

// A library, for libFuzzer brings the main function: scripts/fuzz links the two.
let package = Package(
    name: "fuzz",
    products: [.library(name: "FuzzJobs", type: .static, targets: ["FuzzJobs"])],
    dependencies: [.package(name: "swift-lbaas", path: "../..")],
    targets: [
        .target(
            name: "FuzzJobs",
            dependencies: [
                .product(name: "JobMessages", package: "swift-lbaas"),
                .product(name: "LBaaS", package: "swift-lbaas"),
                .product(name: "LoadBalancerJSON", package: "swift-lbaas"),
                .product(name: "Requests", package: "swift-lbaas"),
            ],
            path: "FuzzJobs",
            swiftSettings: [.treatAllWarnings(as: .error)])
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
