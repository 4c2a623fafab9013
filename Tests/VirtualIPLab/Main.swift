import Foundation
import TestSupport

/// Workers in network namespaces, and a client that records who answers.
@main
enum Main {
    private static let usage = """
        usage: virtual-ip-lab demo
               virtual-ip-lab faults [--seconds N] [--seed N] [--only TEXT] [--slack N]
               virtual-ip-lab measure CASE COUNT
          demo    what becomes of virtual IPs when their owner changes
          faults  what must be harmless, one by one, and then random faults
            --seconds N  how long random faults come and go (default 1800)
            --seed N     which they are; a number that is printed does the same again
            --only TEXT  only what has this in its name, such as "random faults"
            --slack N    how many times as long as usual things may take, for a machine that is busy or slow (default 1)
          measure a case of scripts/bench vip, so many times: prints its figures, one a line

        """

    static func main() async {
        let work = Task { await run(CommandLine.arguments.dropFirst()) }
        // What it has started ends with it.
        let signals = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { work.cancel() }
            source.activate()
            return source
        }
        let status = await work.value
        withExtendedLifetime(signals) {}
        exit(status)
    }

    private nonisolated static func run(_ arguments: ArraySlice<String>) async -> Int32 {
        guard geteuid() == 0 else {
            print("virtual-ip-lab: it makes network namespaces: run it as root")
            return EX_NOPERM
        }
        do {
            switch arguments.first {
            case "demo": try await Demonstration().run()
            case "measure": try await measure(Array(arguments.dropFirst()))
            case "faults": try await faults(arguments.dropFirst()).run()
            default:
                print(usage, terminator: "")
                return EX_USAGE
            }
            return EXIT_SUCCESS
        } catch {
            print("\nvirtual-ip-lab: \(error)")
            return EXIT_FAILURE
        }
    }

    private static func faults(_ arguments: ArraySlice<String>) throws -> Faults {
        var faults = Faults()
        var rest = arguments
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Failure("\(option) wants a value") }
            switch option {
            case "--seconds": faults.seconds = try number(value, of: option)
            case "--seed": faults.seed = UInt64(try number(value, of: option))
            case "--only": faults.only = value
            case "--slack": faults.slack = try number(value, of: option)
            default: throw Failure("unknown option: \(option)")
            }
        }
        return faults
    }

    /// `CASE COUNT [SCRIPT]`
    private static func measure(_ words: [String]) async throws {
        guard words.count >= 2 else { throw Failure("measure wants a case and how often") }
        let count = try number(words[1], of: "measure")
        let parts = words[0].split(separator: ".").map(String.init)
        if let measurement = Measurement.all.first(where: { $0.name == words[0] }) {
            try await measurement.run(count)
        } else if words[0] == "idle" {
            try await Measurement.idle(seconds: Double(count))
        } else if parts.count == 2, let kind = Rivals.Kind(rawValue: parts[0]), let event = Rivals.Event(rawValue: parts[1]),
            words.count > 2
        {
            try await Rivals.run(kind, event, count, script: words[2])
        } else {
            throw Failure("there is no case \(words[0])")
        }
    }

    private static func number(_ text: String, of option: String) throws -> Int {
        guard let number = Int(text), number > 0 else { throw Failure("\(option): \(text) is not a number above 0") }
        return number
    }
}
