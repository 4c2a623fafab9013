import Foundation
import Glibc

/// A process that gets little of the processor: a cgroup of its own with a quota, in which busy loops use up most of it. Needs root.
///
/// Both versions of cgroups will do. It ends with `end`, or when nobody holds it any more.
package final class ProcessorLimit {
    private let folder: String
    /// Where the process was before.
    private let origin: String
    private let pid: pid_t
    private let loops: [Process]

    /// Has the kernel give a process, with two busy loops beside it, so much processor time of each period.
    ///
    /// - Parameters:
    ///   - quota: at least 1 ms.
    ///   - period: at most 1 s.
    package init(of pid: pid_t, to quota: Duration, of period: Duration = .milliseconds(200)) throws {
        let controller = try Self.controller(of: pid)
        (self.pid, origin) = (pid, controller.group)
        folder = controller.root + "/lbaas-test-\(UInt64.random(in: 0 ... .max))"
        guard mkdir(folder, 0o755) == 0 else { throw systemError("cannot make the cgroup \(folder)") }
        do {
            let (quota, period) = (Int(quota / .microseconds(1)), Int(period / .microseconds(1)))
            if controller.isUnified {
                try Self.write("\(quota) \(period)", to: folder + "/cpu.max")
            } else {
                try Self.write("\(period)", to: folder + "/cpu.cfs_period_us")
                try Self.write("\(quota)", to: folder + "/cpu.cfs_quota_us")
            }
            loops = try (0..<2).map { _ in
                let loop = Process()
                loop.executableURL = URL(fileURLWithPath: "/bin/sh")
                loop.arguments = ["-c", "while :; do :; done"]
                try loop.run()
                return loop
            }
        } catch {
            rmdir(folder)
            throw error
        }
        do {
            for member in loops.map(\.processIdentifier) + [pid] { try Self.write("\(member)", to: folder + "/cgroup.procs") }
        } catch {
            end()
            throw error
        }
    }

    deinit { end() }

    /// Lets the process go on as before. It may have ended.
    package func end() {
        for loop in loops where loop.isRunning { kill(loop.processIdentifier, SIGKILL) }
        try? Self.write("\(pid)", to: origin + "/cgroup.procs")
        // The kernel takes a moment to let go of what has ended.
        let limit = Date(timeIntervalSinceNow: 10)
        while rmdir(folder) != 0, errno == EBUSY, Date.now < limit { usleep(5000) }
    }

    /// Where cgroups limit the processor, and the group of a process there.
    private static func controller(of pid: pid_t) throws -> (root: String, group: String, isUnified: Bool) {
        let mounts = try String(contentsOfFile: "/proc/mounts", encoding: .utf8).split(separator: "\n").map { $0.split(separator: " ") }
        let groups = try String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        }
        for mount in mounts where mount.count > 3 {
            let root = String(mount[1])
            let names: Substring
            switch mount[2] {
            case "cgroup" where mount[3].split(separator: ",").contains("cpu"): names = "cpu"
            case "cgroup2":
                let controllers = try String(contentsOfFile: root + "/cgroup.controllers", encoding: .utf8)
                guard controllers.split(whereSeparator: \.isWhitespace).contains("cpu") else { continue }
                // Groups below have it only where that says so.
                try write("+cpu", to: root + "/cgroup.subtree_control")
                names = ""
            default: continue
            }
            guard let group = groups.first(where: { $0.count == 3 && ($0[1] == names || $0[1].split(separator: ",").contains(names)) })
            else { continue }
            return (root, root + group[2], names.isEmpty)
        }
        throw Failure("no cgroup limits the processor here: mount one with the controller cpu")
    }

    private static func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError("cannot open \(path)") }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count else {
            throw systemError("cannot write '\(text)' to \(path)")
        }
    }
}
