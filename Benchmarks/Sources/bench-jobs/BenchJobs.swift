import BenchSupport
import Dispatch
import Foundation
import Synchronization

/// Measures a worker beside a C worker that only echoes, and prints a report in Markdown.
@main
struct BenchJobs {
    static func main() {
        guard !CommandLine.arguments.contains("--help") else {
            print(Options.usage, terminator: "")
            return
        }
        let options: Options
        do {
            options = try Options(CommandLine.arguments.dropFirst())
        } catch {
            say("bench-jobs: \(error)\n" + Options.usage)
            exit(EX_USAGE)
        }
        let signals = [SIGINT, SIGTERM].map(stopChildren)
        do {
            let isComplete = try measure(options)
            withExtendedLifetime(signals) {}
            exit(isComplete ? EXIT_SUCCESS : EXIT_FAILURE)
        } catch {
            say("bench-jobs: \(error)\n")
            exit(EXIT_FAILURE)
        }
    }

    /// False where a case could not be measured. A target that is not met is a result like another.
    private static func measure(_ options: Options) throws -> Bool {
        let bench = try Bench(options)
        let machine = machine(programsIn: bench.tools, statesIn: bench.folder)
        var sections: [Section] = []
        var isComplete = true
        for benchCase in options.cases {
            say("case \(benchCase)\n")
            do {
                sections += try benchCase.measure(on: bench)
            } catch {
                isComplete = false
                say("case \(benchCase): \(error)\n")
                let row = SummaryRow(what: "\(benchCase). could not be measured", worker: "–", isMet: false)
                sections.append(Section(title: "\(benchCase). could not be measured", rows: [row], body: "```\n\(error)\n```"))
            }
        }
        let text = report(sections, workerName: bench.workerName, machine: machine)
        print(text)
        if let output = options.output { try (text + "\n").write(toFile: output, atomically: true, encoding: .utf8) }
        if isComplete {
            bench.clear()
        } else {
            say("the logs are in \(bench.folder)\n")
        }
        return isComplete
    }

    /// Ends with this program, at a signal, the programs that it started.
    private static func stopChildren(at signal: Int32) -> any DispatchSourceSignal {
        Glibc.signal(signal, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: signal, queue: .global())
        source.setEventHandler {
            ChildProcess.running.withLock { running in
                for pid in running { kill(pid, SIGTERM) }
            }
            exit(128 + signal)
        }
        source.activate()
        return source
    }

    private static func say(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
