import Glibc
import HealthChecks
import HostSystem
import LBaaS
import Synchronization

/// What the command line does not say as it should.
struct Misuse: Error, CustomStringConvertible {
    let description = "usage: checker-health connect|http NODES PORT WARM-UP-SECONDS SECONDS"
}

/// One run of a checker.
struct Run {
    private let kind: Check.Kind
    private let nodes: UInt32
    private let port: UInt16
    private let warmUp: UInt32
    private let seconds: UInt32

    init(_ arguments: ArraySlice<String>) throws(Misuse) {
        let words = Array(arguments)
        guard words.count == 5, let nodes = UInt32(words[1]), let port = UInt16(words[2]), let warmUp = UInt32(words[3]),
            let seconds = UInt32(words[4])
        else { throw Misuse() }
        switch words[0] {
        case "connect": kind = .connect
        case "http": kind = .http(HTTPRequest())
        default: throw Misuse()
        }
        self.nodes = nodes
        self.port = port
        self.warmUp = warmUp
        self.seconds = seconds
    }

    /// Checks, and prints what was seen after the warm-up.
    func measure() throws {
        let tally = Tally()
        let checker = try HealthChecker(HealthChecker.Configuration(), now: { Timestamp(microseconds: 0) }, report: tally.count)
        checker.update(
            (0..<nodes).map { number in
                let check = Check(
                    kind, address: .v4(0x7F01_0000 + number), port: port, delay: .seconds(1), timeout: .seconds(1), rise: 1, fall: 1)
                let key = CheckKey(loadBalancer: LoadBalancerID("\(number / 10)"), node: NodeID("\(number)"))
                return .begin(key, check, NodeHealth(isUp: false, since: Timestamp(microseconds: 0)))
            })
        sleep(warmUp)
        let (before, turns, time, cpu) = (checker.statistics, tally.turns, ContinuousClock.now, processorTime)
        sleep(seconds)
        let (elapsed, used) = (ContinuousClock.now - time, processorTime - cpu)
        let found = checker.statistics.since(before)
        let figures: KeyValuePairs<String, Double> = [
            "up": Double(tally.up),
            "turns": Double(tally.turns - turns),
            "rate": Double(found.begun) / (elapsed / .seconds(1)),
            "unmade": Double(found.unmade),
            "cpu": used / (elapsed / .seconds(1)),
            "half": found.lateness(of: 0.5) / .milliseconds(1),
            "most": found.lateness(of: 0.99) / .milliseconds(1),
            "all": found.lateness(of: 1) / .milliseconds(1),
            "memory": peakMemory,
        ]
        print(figures.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
        checker.stop()
    }

    /// The most memory that this process had, in MB of a million bytes: `VmHWM` of `/proc/self/status`, which nobody can read once it has ended.
    private var peakMemory: Double {
        guard let status = try? RegularFile.read("/proc/self/status", limit: 1 << 16) else { return .nan }
        let line = String(decoding: status.bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let words = line?.split { $0 == " " || $0 == "\t" } ?? []
        return words.count == 3 ? (Double(words[1]) ?? .nan) * 1024 / 1e6 : .nan
    }

    /// Seconds of processor time that this process has used.
    private var processorTime: Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// How many nodes are up, and how often one turned.
private final class Tally: Sendable {
    private let state = Mutex((up: 0, turns: 0))

    @Sendable func count(_ reports: [HealthReport]) {
        state.withLock { state in
            for report in reports where report.turned {
                state.up += report.health.isUp ? 1 : -1
                state.turns += 1
            }
        }
    }

    var up: Int { state.withLock { $0.up } }
    var turns: Int { state.withLock { $0.turns } }
}
