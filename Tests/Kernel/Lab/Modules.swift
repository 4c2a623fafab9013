import Foundation
import TestSupport

/// Runs code while the kernel lacks IPVS modules, and finds none to load.
///
/// - Parameter isMissing: tells by a module's name whether it is to be missing. No table may use it.
func withoutModules(_ isMissing: (String) -> Bool, _ body: () async throws -> Void) async throws {
    let path = "/proc/sys/kernel/modprobe"
    let loader = try String(contentsOfFile: path, encoding: .utf8)
    try "/bin/false".write(toFile: path, atomically: false, encoding: .utf8)
    let before = try loadedModules()
    defer {
        try? loader.write(toFile: path, atomically: false, encoding: .utf8)
        for name in before.filter(isMissing) { _ = try? runProgram(String(loader.prefix { $0 != "\n" }), [name]) }
    }
    // A module that others use goes after them, and tables of tests before can take a moment to go.
    try waitUntil("modules are unloaded: \((try? loadedModules().filter(isMissing)) ?? [])") {
        for name in try loadedModules().filter(isMissing) { _ = try? runProgram("/sbin/rmmod", [name]) }
        return try !loadedModules().contains(where: isMissing)
    }
    try await body()
}

private func loadedModules() throws -> [String] {
    try String(contentsOfFile: "/proc/modules", encoding: .utf8).split(separator: "\n").map { String($0.prefix { $0 != " " }) }
}
