import CGearman
import Dispatch
import HostSystem
import Synchronization

/// A question whether a server can be reached.
public enum Probe: Sendable {
    /// Does a job server answer an echo?
    case jobServer(JobServer)
    /// Does a server accept a TCP connection?
    case tcp(JobServer)

    /// Asks all at the same time.
    ///
    /// Each has a thread of its own, for looking up a name cannot be given a timeout: one that takes too long is left to itself.
    ///
    /// - Parameter timeout: the longest wait for all of them together, in seconds.
    /// - Returns: for each whether the server was reached, in their order.
    public static func run(_ probes: [Probe], timeout: Double) -> [Bool] {
        let answers = Answers(count: probes.count)
        let group = DispatchGroup()
        for (index, probe) in probes.enumerated() {
            group.enter()
            let isStarted = startThread {
                if probe.ask(timeout: timeout) { answers.note(index) }
                group.leave()
            }
            if !isStarted { group.leave() }
        }
        _ = group.wait(timeout: .now() + timeout)
        return answers.all
    }

    private func ask(timeout: Double) -> Bool {
        switch self {
        case .jobServer(let server): Self.answersEcho(server, timeout: timeout)
        case .tcp(let server): (try? openConnection(to: server, within: .seconds(timeout))) != nil
        }
    }

    private static func answersEcho(_ server: JobServer, timeout: Double) -> Bool {
        guard let client = unsafe gearman_client_create(nil) else { return false }
        defer { unsafe gearman_client_free(client) }
        unsafe gearman_client_set_timeout(client, Int32(timeout * 1000))
        guard unsafe gearman_client_add_server(client, server.host, in_port_t(server.port)) == GEARMAN_SUCCESS else { return false }
        return unsafe gearman_client_echo(client, "diagnostics", 11) == GEARMAN_SUCCESS
    }
}

/// The answers that came in time.
private final class Answers: Sendable {
    private let answers: Mutex<[Bool]>

    init(count: Int) { answers = Mutex(Array(repeating: false, count: count)) }

    func note(_ index: Int) { answers.withLock { $0[index] = true } }

    var all: [Bool] { answers.withLock { $0 } }
}
