import Foundation
import TestSupport

/// Workers in network namespaces, and a client that records who answers.
@main
enum Main {
    private static let usage = """
        usage: virtual-ip-lab faults [--seconds N] [--seed N] [--only TEXT]
          faults  what must be harmless, one by one, and then random faults
            --seconds N  how long random faults come and go (default 1800)
            --seed N     which they are; a number that is printed does the same again
            --only TEXT  only what has this in its name, and no random faults

        """

    static func main() async {
        setenv("NO_COLOR", "1", 0)
        let status = await run(CommandLine.arguments.dropFirst())
        exit(status)
    }

    private nonisolated static func run(_ arguments: ArraySlice<String>) async -> Int32 {
        guard geteuid() == 0 else {
            print("virtual-ip-lab: it makes network namespaces: run it as root")
            return EX_NOPERM
        }
        do {
            switch arguments.first {
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
            default: throw Failure("unknown option: \(option)")
            }
        }
        return faults
    }

    private static func number(_ text: String, of option: String) throws -> Int {
        guard let number = Int(text), number > 0 else { throw Failure("\(option): \(text) is not a number above 0") }
        return number
    }
}
