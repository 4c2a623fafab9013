import Dispatch
import Foundation
import Synchronization

/// Runs a benchmark from its options to its exit status. The programs that it started are ended with it, at a signal too.
///
/// - Parameters:
///   - options: reads the command line.
///   - measure: false where something could not be measured. A target that is not met is a result like another.
package func runBenchmark<Options>(
    _ name: String, usage: String, options: (ArraySlice<String>) throws -> Options, measure: (Options) throws -> Bool
) -> Never {
    if CommandLine.arguments.contains("--help") {
        print(usage, terminator: "")
        exit(EXIT_SUCCESS)
    }
    let read: Options
    do {
        read = try options(CommandLine.arguments.dropFirst())
    } catch {
        say("\(name): \(error)\n" + usage)
        exit(EX_USAGE)
    }
    let signals = [SIGINT, SIGTERM].map(endChildren)
    do {
        let isComplete = try measure(read)
        withExtendedLifetime(signals) {}
        exit(isComplete ? EXIT_SUCCESS : EXIT_FAILURE)
    } catch {
        say("\(name): \(error)\n")
        exit(EXIT_FAILURE)
    }
}

/// Writes to standard error.
package func say(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

/// Where the programs of the benchmarks are: beside this one.
package func programFolder() throws -> String {
    (try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") as NSString).deletingLastPathComponent
}

/// Prints a report, and writes it to a file where that is asked for.
package func publish(_ report: String, to file: String?) throws {
    print(report)
    if let file { try (report + "\n").write(toFile: file, atomically: true, encoding: .utf8) }
}

/// Ends with this program, at a signal, the programs that it started.
private func endChildren(at signal: Int32) -> any DispatchSourceSignal {
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
