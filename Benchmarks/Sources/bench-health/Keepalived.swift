import BenchSupport
import Foundation

/// keepalived as it checks real servers, without VRRP. Its IPVS is a stub that says yes to everything.
struct Keepalived {
    let programs: String
    let options: Options

    /// Checks so many nodes once a second.
    func run(nodes count: Int, on nodes: Nodes) throws -> Sample {
        let folder = NSTemporaryDirectory() + "lbaas-keepalived-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try configuration(count, port: nodes.port).write(toFile: folder + "/conf", atomically: false, encoding: .utf8)
        let command = [
            "env", "LD_PRELOAD=\(programs)/libipvs-stub.so", "keepalived", "--dont-fork", "--check", "--no-syslog", "--log-console",
            "--use-file", folder + "/conf", "--pid", folder + "/pid", "--checkers_pid", folder + "/checkers",
        ]
        let before = try nodes.count
        let process = try ChildProcess(command, log: folder + "/log")
        defer { process.stop() }
        // The first of all checks begin within the first second after it has read its file.
        guard try waitUntil(seconds: 120, { try nodes.count - before >= UInt64(count) }) else {
            throw BenchFailure("keepalived checks only \(try nodes.count - before) of \(count) nodes: \(log(in: folder))")
        }
        guard let text = try? String(contentsOfFile: folder + "/checkers", encoding: .utf8),
            let pid = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))
        else { throw BenchFailure("keepalived has no checker: \(log(in: folder))") }
        do {
            return try measure(ProcessFigures(pid: pid), on: nodes)
        } catch {
            throw BenchFailure("keepalived: \(error): \(log(in: folder))")
        }
    }

    private func measure(_ checker: ProcessFigures, on nodes: Nodes) throws -> Sample {
        sleep(4)
        let (taken, time, used) = (try nodes.count, nanoseconds(), checker.cpuMicroseconds)
        sleep(options.isQuick ? 2 : 10)
        let seconds = (nanoseconds() - time) / 1e9
        return Sample(
            rate: Double(try nodes.count - taken) / seconds, cores: (checker.cpuMicroseconds - used) / 1e6 / seconds,
            memory: try checker.megabytes("VmHWM"))
    }

    private func log(in folder: String) -> String {
        let text = (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(5).joined(separator: "\n")
    }

    /// Services of a hundred real servers each, all checked by TCP_CHECK.
    private func configuration(_ count: Int, port: String) -> String {
        var text = ""
        for first in stride(from: 0, to: count, by: 100) {
            text +=
                "virtual_server 10.0.\(first / 25600).\(first / 100 % 256) 80 {\n  delay_loop 1\n  lvs_sched rr\n  lvs_method NAT\n  protocol TCP\n"
            for node in first..<min(first + 100, count) {
                text += "  real_server 127.1.\(node / 256).\(node % 256) \(port) {\n    TCP_CHECK {\n      connect_timeout 1\n    }\n  }\n"
            }
            text += "}\n"
        }
        return text
    }
}
