import BenchSupport
import Foundation
import Synchronization

/// Measures how long virtual IPs have no answer when something befalls their owner, beside keepalived and the recipe of LINK.
@main
struct BenchVip {
    static func main() { runBenchmark("bench-vip", usage: Options.usage, options: Options.init, measure: measure) }

    /// False where something could not be measured.
    private static func measure(_ options: Options) throws -> Bool {
        let machine = machine(
            programsIn: try programFolder(), kernel: "hosts are network namespaces of it, on a bridge",
            peers: ["keepalived", "etcd-server"].map { name in
                "\(name) \(output(of: "dpkg-query", "-W", "-f", "${Version}", name) ?? "unknown")"
            }.joined(separator: ", "))
        // The others run beside: all wait most of the time.
        let beside = Beside(options.cases.contains(.i) ? options : nil)
        var sections = options.cases.filter { $0 != .i }.map { wanted in outcome(of: wanted, options) }
        sections += beside.wait()
        let text = report(
            title: "Virtual IPs: how long an address has no answer", command: "scripts/bench vip", yardstick: "others", ours: "ours",
            machine: machine, sections.map(\.section))
        try publish(text, to: options.output)
        return sections.allSatisfy(\.isMeasured)
    }

    fileprivate static func outcome(of wanted: BenchCase, _ options: Options) -> Outcome {
        say("case \(wanted.rawValue)\n")
        do {
            return Outcome(section: try wanted.measure(options), isMeasured: true)
        } catch {
            return Outcome(section: Section(failed: wanted.rawValue, because: error), isMeasured: false)
        }
    }
}

/// What came of a case.
private struct Outcome: Sendable {
    let section: Section
    let isMeasured: Bool
}

/// The case of the others, on a thread of its own.
private final class Beside: Sendable {
    private let done = DispatchSemaphore(value: 0)
    private let outcome = Mutex<Outcome?>(nil)
    private let isThere: Bool

    init(_ options: Options?) {
        isThere = options != nil
        guard let options else { return }
        Thread.detachNewThread { [self] in
            let found = BenchVip.outcome(of: .i, options)
            outcome.withLock { $0 = found }
            done.signal()
        }
    }

    func wait() -> [Outcome] {
        if isThere { done.wait() }
        return outcome.withLock { $0.map { [$0] } ?? [] }
    }
}
