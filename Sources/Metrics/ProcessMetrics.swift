import Glibc
import HostSystem

/// What the system knows of this process, by the names that Prometheus has for it.
package enum ProcessMetric {
    static let cpu = MetricDescription("process_cpu_seconds_total", .counter, help: "User and system time of the process in seconds.")
    static let virtualMemory = MetricDescription("process_virtual_memory_bytes", .gauge, help: "Virtual memory of the process in bytes.")
    static let residentMemory = MetricDescription("process_resident_memory_bytes", .gauge, help: "Resident memory of the process in bytes.")
    static let startTime = MetricDescription("process_start_time_seconds", .gauge, help: "Start of the process in seconds since 1970.")
    static let openFds = MetricDescription("process_open_fds", .gauge, help: "Open file descriptors.")
    static let maxFds = MetricDescription("process_max_fds", .gauge, help: "The most file descriptors that can be open.")

    /// All of them.
    package static let all = [cpu, virtualMemory, residentMemory, startTime, openFds, maxFds]
}

extension MetricsRegistry {
    /// Adds what the system knows of this process, by the names that Prometheus has for it: `process_cpu_seconds_total` and others.
    package func collectProcess() {
        // Once, for two clocks that are read again and again do not keep their difference.
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        let boot = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 - Clock.bootTime().seconds
        collect { writeProcess(&$0, boot: boot) }
    }
}

/// - Parameter boot: when the system started, in seconds since 1970.
private func writeProcess(_ text: inout MetricsText, boot: Double) {
    // The name of the program is in brackets and may have brackets and blanks; the third field is behind it.
    guard let (bytes, _) = try? RegularFile.read("/proc/self/stat", limit: 4096), let bracket = bytes.lastIndex(of: UInt8(ascii: ")"))
    else {
        return
    }
    let fields = String(decoding: bytes[(bracket + 1)...], as: UTF8.self).parts(at: " ").map { Double($0) ?? 0 }
    guard fields.count > 21 else { return }
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    text.family(ProcessMetric.cpu)
    text.sample((fields[11] + fields[12]) / ticks)
    text.family(ProcessMetric.virtualMemory)
    text.sample(fields[20])
    text.family(ProcessMetric.residentMemory)
    text.sample(fields[21] * Double(sysconf(Int32(_SC_PAGESIZE))))
    text.family(ProcessMetric.startTime)
    text.sample(boot + fields[19] / ticks)
    text.family(ProcessMetric.openFds)
    text.sample(openDescriptors())
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    text.family(ProcessMetric.maxFds)
    text.sample(Double(limit.rlim_cur))
}

private func openDescriptors() -> Int {
    guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { unsafe closedir(folder) }
    var count = 0
    while unsafe readdir(folder) != nil { count += 1 }
    // Without . and .. and that of the folder.
    return max(0, count - 3)
}
