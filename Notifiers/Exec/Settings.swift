import Glibc
import HostSystem
public import LBaaS

extension ExecNotifier {
    /// What the configuration needs to know.
    public static let registration = NotifierRegistration(
        name: "exec",
        summary: "runs a program when a service goes up or down, with the event as JSON on its standard input",
        keys: Key.allCases.map { ($0.rawValue, $0.meaning) },
        make: { configuration, log throws(DriverConfiguration.Failure) in .listener(try ExecNotifier(configuration, log: log)) }
    )
}

/// The keys of the section `[notifier:exec]`.
enum Key: String, CaseIterable {
    case program, arguments, timeout

    /// What the key means, for `etc/lbaas.conf` and `--help`.
    var meaning: String {
        switch self {
        case .program: "the full path of the program to run; needed"
        case .arguments: "what it is told on its command line, separated by commas or blanks; default nothing"
        case .timeout: "how long it may run, in seconds, before it is killed with its process group; 1 to 3600, default 10"
        }
    }
}

/// What the section `[notifier:exec]` says.
struct Settings: Sendable {
    /// What is run.
    let program: Program
    /// How long it may run.
    let timeout: Duration

    /// Reads the section.
    init(_ section: DriverConfiguration) throws(DriverConfiguration.Failure) {
        guard let path = section[Key.program.rawValue] else {
            throw DriverConfiguration.Failure(.program, "is needed: name the program to run by its full path")
        }
        guard path.hasPrefix("/") else { throw .init(.program, "\(quoted(path)) is not a full path: begin it with /") }
        if unsafe access(path, X_OK) != 0 { throw .init(.program, "\(quoted(path)) cannot be run: \(errorText(errno))") }
        program = Program(path: path, arguments: section.list(Key.arguments.rawValue))
        timeout = .seconds(try section.number(Key.timeout.rawValue, 1...3600) ?? 10)
    }
}

extension DriverConfiguration.Failure {
    fileprivate init(_ key: Key, _ message: String) { self.init(key: key.rawValue, message: message) }
}
