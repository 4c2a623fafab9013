import BenchSupport

/// Measures the driver beside a C program that sends the same over plain netlink, on a kernel that is booted for it, and prints a report
/// in Markdown.
@main
struct BenchIPVS {
    static func main() { runBenchmark("bench-ipvs", usage: Options.usage, options: Options.init, measure: measure) }

    /// False where something could not be measured.
    private static func measure(_ options: Options) throws -> Bool {
        switch options.part {
        case .all: return try Inside(options).measure()
        case .whole:
            try WholeProgram(options).measure()
            return true
        case nil: return try bootAndReport(options)
        }
    }

    /// Everything in one boot, so that what is compared had the same kernel in the same minutes.
    private static func bootAndReport(_ options: Options) throws -> Bool {
        let programs = try programFolder()
        let ipvsadm = output(of: "dpkg-query", "-W", "-f", "${Version}", "ipvsadm") ?? "unknown"
        let costs = try figures(of: [programs + "/raw-ipvs", "--costs"])
        let machine = machine(programsIn: programs, kernel: "IPVS on Debian's user-mode-linux", peers: "ipvsadm \(ipvsadm)")
        let command = ownKernel(options.rig, megabytes: 1024, seconds: 3600) + [programs + "/bench-ipvs"] + options.arguments(for: .all)
        let rig = try ChildProcess(command, readsOutput: true)
        var samples: [Sample] = []
        let status = rig.readLines { line in
            if let sample = Sample(line: line) {
                samples.append(sample)
                say("\(sample.run): \(sample.contestant)\n")
            } else {
                say(line + "\n")
            }
        }
        let results = Results(samples: samples, hostCosts: costs, options: options)
        let text = report(
            title: "IPVS: the driver beside C over plain netlink", command: "scripts/bench ipvs", yardstick: "C", ours: "driver",
            machine: machine + "\n" + results.costs, results.sections)
        try publish(text, to: options.output)
        return status == 0
    }
}
