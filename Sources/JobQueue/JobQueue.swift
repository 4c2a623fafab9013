import Dispatch
import HostSystem

/// The connections to the job servers: one thread each, which takes jobs, has them answered, and reconnects for ever.
///
/// A thread serves one job server, so a silent server holds up nobody but its own threads.
///
/// This room speaks the worker's side of the Gearman protocol itself, which is seven commands. libgearman's worker has one job at a time
/// on a connection, and lets the job server wake all connections for each. Its function must answer before the next job is there, so
/// a commit that is to serve many jobs needs a connection and a thread for each of them, and most of the time goes into waking
/// threads. Here a connection takes what waits together, up to `Appetite.most`, and one connection at a time is woken.
public final class JobQueue: Sendable {
    /// Where jobs come from, and how.
    public struct Configuration: Sendable {
        /// The job servers.
        public var servers: [JobServer]
        /// The Gearman function to subscribe to.
        public var function: String
        /// Connections to each job server.
        public var connections = 4
        /// The longest wait between two tries to connect, in seconds.
        public var longestWait = 5.0
        /// How long a connection is idle before a heartbeat asks whether it is alive, in seconds; nil for no heartbeat.
        public var idleTime: Double? = 10
        /// How long connecting and the answer to a heartbeat may take, in seconds.
        public var answerTime = 6.0

        /// The bytes of large jobs in hand at a time: room for one of the longest.
        var jobMemory = PacketBuffer.longestJob

        var patience: Duration { .seconds(answerTime) }

        /// Jobs for a function from these servers, with the defaults for the rest.
        public init(servers: [JobServer], function: String) {
            self.servers = servers
            self.function = function
        }
    }

    /// What happens to the job servers.
    public enum Event: Sendable {
        /// The server can be reached, for the first time or again.
        case connected(JobServer)
        /// The server cannot be reached any more, or could not at the start; it is tried again for ever.
        case lost(JobServer, reason: String)
    }

    /// Answers jobs that came together.
    public typealias Handler = (_ jobs: JobGroup) -> Answers

    /// The answer to a job.
    public struct Answer {
        /// The bytes of the reply.
        let reply: [UInt8]
        /// What nobody has to wait for.
        let afterwards: () -> Void

        /// A reply, and what is left to be done once it is on its way.
        public init(reply: [UInt8], afterwards: @escaping () -> Void) {
            self.reply = reply
            self.afterwards = afterwards
        }
    }

    /// How a job is answered.
    public enum Response {
        /// With these bytes, now.
        case reply([UInt8])
        /// By a thread of its own, for it takes long and the others are not to wait.
        case later(@Sendable () -> Answer)
    }

    /// The answers to jobs that came together.
    public struct Answers {
        /// How each job is answered, in their order.
        let responses: [Response]
        /// What nobody has to wait for.
        let afterwards: () -> Void

        /// Responses, and what is left to be done once they are on their way.
        public init(responses: [Response], afterwards: @escaping () -> Void) {
            self.responses = responses
            self.afterwards = afterwards
        }
    }

    private let connections: [Connection]
    private let working = DispatchGroup()

    /// A queue that is not connected yet.
    ///
    /// - Parameters:
    ///   - makeHandler: called by each connection's thread, for the handler of its jobs; handlers are called at the same time, each
    ///     by its own thread.
    ///   - report: told what happens to the job servers, from any thread.
    public init(
        _ configuration: Configuration, makeHandler: @escaping @Sendable () -> Handler, report: @escaping @Sendable (Event) -> Void
    ) {
        var connections: [Connection] = []
        let memory = JobMemory(size: configuration.jobMemory)
        for server in configuration.servers {
            let tracker = SharedTracker(server: server, report: report)
            let idle = IdleConnections()
            for _ in 0..<configuration.connections {
                connections.append(
                    Connection(
                        server: server, configuration: configuration, makeHandler: makeHandler, tracker: tracker, idle: idle,
                        memory: memory, working: working))
            }
        }
        self.connections = connections
    }

    /// Starts the threads.
    ///
    /// - Returns: false where the system has not as many threads to spare.
    public func start() -> Bool {
        connections.allSatisfy { connection in startThread { connection.run() } }
    }

    /// Takes no more jobs and waits until those in hand are answered.
    ///
    /// - Parameter timeout: the longest wait, in seconds.
    /// - Returns: false where a job was still in hand then. The job server gives it to another worker when this one ends.
    public func stop(timeout: Double) -> Bool {
        for connection in connections { connection.stop() }
        return working.wait(timeout: .now() + timeout) == .success
    }
}
