import Foundation

/// What a program prints, its lines joined; nil where it cannot be run or fails.
package func output(of command: String...) -> String? {
    guard let process = try? ChildProcess(command, log: "/dev/null", readsOutput: true) else { return nil }
    let (output, status) = process.finish()
    return status == 0 ? output.trimmingCharacters(in: .whitespacesAndNewlines) : nil
}

private func contents(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

/// The processor's name.
private var processor: String {
    let line = contents("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown"
}

/// The commit of the tree that a folder is in, with a word where the tree differs from it.
private func commit(of folder: String) -> String {
    guard let hash = output(of: "git", "-C", folder, "rev-parse", "--short", "HEAD") else { return "none" }
    let changes = output(of: "git", "-C", folder, "status", "--porcelain") ?? ""
    return changes.isEmpty ? hash : hash + " with changes"
}

private var swiftVersion: String {
    let lines = output(of: "swift", "--version")?.split(separator: "\n") ?? []
    return lines.first { $0.contains("Swift version") }.map(String.init) ?? "Swift unknown"
}

/// On what the figures were measured, in Markdown.
///
/// - Parameters:
///   - programs: the folder of the programs: the commit is that of the tree around it.
///   - kernel: what is to be said behind the kernel's name.
///   - peers: the programs of others that were measured beside, with their versions.
package func machine(programsIn programs: String, kernel: String, peers: String) -> String {
    let date = Date.now.formatted(.iso8601.year().month().day())
    let load = contents("/proc/loadavg").split(separator: " ").first ?? "unknown"
    return """
        - date: \(date), commit: \(commit(of: programs))
        - processor: \(processor), \(ProcessInfo.processInfo.processorCount) cores; load average at the start \(load)
        - kernel: \(output(of: "uname", "-sr") ?? "unknown"); \(kernel)
        - \(swiftVersion); \(peers)
        """
}

/// The number of the last processor that this process may run on.
package var lastProcessor: String {
    let line = contents("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") } ?? ""
    return line.split { !$0.isNumber }.last.map(String.init) ?? "0"
}

/// The kind of file system that a folder is on.
package func fileSystem(of folder: String) -> String {
    output(of: "findmnt", "--noheadings", "--output", "FSTYPE", "--target", folder) ?? "unknown"
}
