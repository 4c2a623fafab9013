import Foundation
import Testing

/// The tests that need a kernel with IPVS and are root on it. `rig/boot` starts such a kernel, and says so in the environment.
///
/// They run one after the other, for the kernel has one processor, and block the thread they are on: every wait has an end of its own.
@Suite("On a kernel with IPVS", .serialized, .enabled(if: ProcessInfo.processInfo.environment["LBAAS_KERNEL"] == "1"))
enum OnKernel {}
