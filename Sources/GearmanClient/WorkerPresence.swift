import HostSystem
package import JobQueue
import Synchronization

/// Which workers are connected to which job servers. It asks each job server twice a second, by one short question for all workers.
package final class WorkerPresence: Sendable {
    /// What has changed: the workers that came or went, and the job servers that did.
    package struct Change: Sendable {
        /// The functions of workers that came or went at a job server.
        package var workers: Set<String> = []
        /// A job server that is reached again, or not any more, with the reason.
        package var server: (JobServer, failure: String?)?
    }

    private struct State {
        /// The functions that a job server has workers for; nil as long as it is not reached.
        var functions: [Set<String>?]
        var failures: [String?]
    }

    private let servers: [JobServer]
    private let state: Mutex<State>
    private let isStopping = Mutex(false)
    private let threads: [Outbox<Void>]
    private let observer: @Sendable (Change) -> Void

    /// The time between two questions.
    private static let interval: Duration = .milliseconds(500)
    /// The longest that connecting or an answer may take.
    private static let limit: Duration = .seconds(5)

    /// - Parameter observer: told of each change, by a thread of a job server.
    package init(_ servers: [JobServer], observer: @escaping @Sendable (Change) -> Void) {
        self.servers = servers
        self.observer = observer
        state = Mutex(State(functions: servers.map { _ in nil }, failures: servers.map { _ in "it was not asked yet" }))
        threads = servers.map { _ in Outbox(()) }
    }

    /// Begins to ask.
    ///
    /// - Returns: false where the system has no threads to spare.
    package func start() -> Bool {
        for place in servers.indices {
            let isStarted = threads[place].start { [weak self, thread = threads[place]] in
                var backoff = Backoff(maximum: 5)
                var connection: AdministrationConnection?
                while !thread.isStopping, let self {
                    do throws(AdministrationConnection.Failure) {
                        if connection == nil { connection = try AdministrationConnection(servers[place], within: Self.limit) }
                        guard let connection else { return }
                        take(try connection.functionsWithWorkers(within: Self.limit), of: place, failure: nil)
                        backoff.reset()
                        _ = thread.wait(until: Deadline(in: Self.interval))
                    } catch {
                        connection = nil
                        take(nil, of: place, failure: error.reason)
                        _ = thread.wait(until: Deadline(in: .seconds(backoff.next(share: .random(in: 0...1)))))
                    }
                }
            }
            if !isStarted { return false }
        }
        return true
    }

    /// Asks no more.
    package func stop(within limit: Duration) {
        let deadline = Deadline(in: limit)
        for thread in threads { _ = thread.stop(within: deadline.rest) }
    }

    /// A job server that a worker is connected to; nil where it is connected to none.
    package func server(of function: String) -> JobServer? {
        state.withLock { state in servers.indices.first { state.functions[$0]?.contains(function) ?? false } }.map { servers[$0] }
    }

    /// The job servers, and why they are not reached; nil for one that is.
    package var jobServers: [(server: JobServer, failure: String?)] {
        state.withLock { state in servers.indices.map { (servers[$0], state.functions[$0] == nil ? state.failures[$0] ?? "" : nil) } }
    }

    private func take(_ functions: Set<String>?, of place: Int, failure: String?) {
        let change: Change? = state.withLock { state in
            let old = state.functions[place]
            var change = Change()
            change.workers = (old ?? []).symmetricDifference(functions ?? [])
            let isNews = (old == nil) != (functions == nil) || (functions == nil && state.failures[place] == "it was not asked yet")
            if isNews { change.server = (servers[place], failure) }
            state.functions[place] = functions
            state.failures[place] = failure
            return isNews || !change.workers.isEmpty ? change : nil
        }
        if let change { observer(change) }
    }
}
