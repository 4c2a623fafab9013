import CGearman
import Glibc
import HostSystem
package import JobQueue

/// A client of job servers over libgearman, which submits one job at a time and waits for the answer. It belongs to one thread at a time.
///
/// The connection is made with the first job and is kept. It is given up with each job that has no answer, so that an answer which comes too
/// late is nobody's.
///
/// The pointer never leaves it.
@safe package final class GearmanClient {
    /// How often it is looked whether the answer is still wanted.
    private static let interval: Duration = .milliseconds(500)
    /// The most bytes of an answer.
    package static let longestAnswer = 64 << 20

    private var connection: (server: JobServer, client: UnsafeMutablePointer<gearman_client_st>)?
    private var count = 0

    /// A client without a connection.
    package init() {}

    deinit { disconnect() }

    /// Submits a job in the foreground, and waits for its answer.
    ///
    /// - Parameters:
    ///   - server: the job server.
    ///   - limit: the longest that connecting and the answer may take.
    ///   - isWanted: asked twice a second whether the answer is still wanted.
    package func ask(
        _ job: [UInt8], of function: String, at server: JobServer, within limit: Duration, isWanted: () -> Bool = { true }
    ) throws(GearmanFailure) -> [UInt8] {
        let client = try unsafe connect(to: server)
        do throws(GearmanFailure) {
            return try unsafe run(client, job, function, server, Deadline(in: limit), isWanted)
        } catch {
            disconnect()
            throw error
        }
    }

    /// Gives up the connection.
    package func disconnect() {
        if let (_, client) = unsafe connection { unsafe gearman_client_free(client) }
        unsafe connection = nil
    }

    private func connect(to server: JobServer) throws(GearmanFailure) -> UnsafeMutablePointer<gearman_client_st> {
        if let connection = unsafe connection, unsafe connection.server == server { return unsafe connection.client }
        disconnect()
        guard let client = unsafe gearman_client_create(nil) else { throw Self.noMemory }
        guard unsafe gearman_client_add_server(client, server.host, in_port_t(server.port)) == GEARMAN_SUCCESS else {
            unsafe gearman_client_free(client)
            throw Self.noMemory
        }
        unsafe gearman_client_set_complete_fn(client, completeTask)
        unsafe connection = (server, client)
        return unsafe client
    }

    private func run(
        _ client: UnsafeMutablePointer<gearman_client_st>, _ job: [UInt8], _ function: String, _ server: JobServer, _ deadline: Deadline,
        _ isWanted: () -> Bool
    ) throws(GearmanFailure) -> [UInt8] {
        count += 1
        // A name of its own: jobs of one name would share an answer. Without one, libgearman would ask another library, which sets the mask of
        // the files of this process for a moment.
        let name = "\(getpid())-\(UInt64.random(in: 0...UInt64.max))-\(count)"
        let received = ReceivedAnswer()
        defer { withExtendedLifetime(received) {} }
        let context = unsafe Unmanaged.passUnretained(received).toOpaque()
        return try unsafe job.withUnsafeBufferPointer { (bytes) throws(GearmanFailure) in
            var code = GEARMAN_SUCCESS
            // libgearman takes an address with no bytes behind it for a mistake.
            let start = bytes.isEmpty ? nil : bytes.baseAddress
            guard
                let task = unsafe gearman_client_add_task(client, nil, context, function, name, start, bytes.count, &code),
                code == GEARMAN_SUCCESS
            else { throw GearmanFailure(.exhausted, "\(server): the job cannot be submitted: \(text(code))") }
            while true {
                unsafe gearman_client_set_timeout(client, min(deadline, Deadline(in: Self.interval)).milliseconds)
                code = unsafe gearman_client_run_tasks(client)
                if code != GEARMAN_TIMEOUT { break }
                if deadline.isOver { throw GearmanFailure(.timedOut, "\(server): the worker \(function) has not answered in time") }
                if !isWanted() { throw GearmanFailure(.cancelled, "\(server): the answer of \(function) is not waited for any more") }
            }
            return try unsafe answer(of: task, received, code, client, server, function)
        }
    }

    private func answer(
        of task: UnsafeMutablePointer<gearman_task_st>, _ received: ReceivedAnswer, _ code: gearman_return_t,
        _ client: UnsafeMutablePointer<gearman_client_st>,
        _ server: JobServer, _ function: String
    ) throws(GearmanFailure) -> [UInt8] {
        defer { unsafe gearman_client_task_free_all(client) }
        let outcome = unsafe code == GEARMAN_SUCCESS ? gearman_task_return(task) : code
        switch outcome {
        case GEARMAN_SUCCESS: break
        case GEARMAN_WORK_FAIL, GEARMAN_WORK_EXCEPTION:
            throw GearmanFailure(.failed, "\(server): the worker \(function) says that the job failed, without a reason")
        case GEARMAN_MEMORY_ALLOCATION_FAILURE: throw Self.noMemory
        default: throw GearmanFailure(.unreachable, "\(server): \(text(outcome))")
        }
        if let bytes = received.bytes { return bytes }
        throw GearmanFailure(.failed, "the worker \(function) answers with \(received.size) bytes; it may have \(Self.longestAnswer)")
    }

    private func text(_ code: gearman_return_t) -> String { unsafe String(cString: gearman_strerror(code)) }

    private static var noMemory: GearmanFailure { GearmanFailure(.exhausted, "there is no memory for a job") }
}

/// The deadline that comes first.
private func min(_ one: Deadline, _ other: Deadline) -> Deadline { one.rest < other.rest ? one : other }
