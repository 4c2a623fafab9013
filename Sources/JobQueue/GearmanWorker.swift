import CGearman

/// One connection to one job server. Owns the `gearman_worker_st`; everything but `interrupter` stays on the thread that made it.
///
/// Never `gearman_worker_grab_job`, which crashes with a null pointer once there is no job; never a function with a timeout, on
/// which job servers have hung.
@safe struct GearmanWorker: ~Copyable {
    /// What came of waiting for a job.
    enum Work {
        /// A job was answered.
        case answered
        /// None came while the connection was allowed to be idle.
        case idle
        /// The connection was interrupted to end it.
        case interrupted
        /// The connection is lost.
        case lost(reason: String)
    }

    /// Ends the waiting of a connection from another thread.
    struct Interrupter: Sendable {
        fileprivate let handle: gearman_id_t

        /// Lets the connection's `work` return `interrupted`. Only while the connection is there.
        ///
        /// Not `GEARMAN_SIGNAL_KILL`: it closes the pipe, which freeing the connection closes again, and by then the descriptor may
        /// be somebody else's.
        func interrupt() { gearman_kill(handle, GEARMAN_SIGNAL_INTERRUPT) }
    }

    private let worker: UnsafeMutablePointer<gearman_worker_st>
    private let idleTime: Int32
    private let answerTime: Int32

    private init(worker: UnsafeMutablePointer<gearman_worker_st>, idleTime: Int32, answerTime: Int32) {
        unsafe self.worker = unsafe worker
        self.idleTime = idleTime
        self.answerTime = answerTime
        unsafe gearman_worker_add_options(worker, GEARMAN_WORKER_TIMEOUT_RETURN)
    }

    /// Connects, and subscribes to the function.
    ///
    /// - Parameters:
    ///   - context: handed to the callback with each job; must outlive this connection.
    ///   - idleTime: ms without a job after which `work` returns.
    ///   - answerTime: ms that connecting and a heartbeat may take.
    /// - Throws: why there is no connection.
    static func connect(
        to server: JobServer, function: String, context: JobContext, idleTime: Int32, answerTime: Int32
    ) throws(ConnectionFailure) -> GearmanWorker {
        guard let handle = unsafe gearman_worker_create(nil) else { throw ConnectionFailure(reason: "out of memory") }
        let worker = unsafe GearmanWorker(worker: handle, idleTime: idleTime, answerTime: answerTime)
        try check(unsafe gearman_worker_add_server(worker.worker, server.host, in_port_t(server.port)))
        let callback = unsafe gearman_function_create(answerJob)
        try check(
            unsafe gearman_worker_define_function(worker.worker, function, function.utf8.count, callback, 0, context.pointer))
        // libgearman connects with the first packet. An answer to this one shows that a job server is there and alive.
        if case .lost(let reason) = worker.heartbeat() { throw ConnectionFailure(reason: reason) }
        return worker
    }

    deinit { unsafe gearman_worker_free(worker) }

    /// What ends the waiting; nil where the system has no pipe to spare.
    var interrupter: Interrupter? {
        let handle = unsafe gearman_worker_id(worker)
        return gearman_id_valid(handle) ? Interrupter(handle: handle) : nil
    }

    /// Waits for a job and has it answered.
    func work() -> Work { outcome(unsafe gearman_worker_work(worker)) }

    /// Asks the job server whether it is there.
    func heartbeat() -> Work {
        unsafe gearman_worker_set_timeout(worker, answerTime)
        defer { unsafe gearman_worker_set_timeout(worker, idleTime) }
        let beat = "heartbeat"
        let code = unsafe gearman_worker_echo(worker, beat, beat.utf8.count)
        return code == GEARMAN_TIMEOUT ? .lost(reason: "no answer to a heartbeat for \(answerTime) ms") : outcome(code)
    }

    private func outcome(_ code: gearman_return_t) -> Work {
        switch code {
        case GEARMAN_SUCCESS: return .answered
        case GEARMAN_TIMEOUT, GEARMAN_NO_JOBS: return .idle
        case GEARMAN_SHUTDOWN, GEARMAN_SHUTDOWN_GRACEFUL: return .interrupted
        default: return .lost(reason: unsafe String(cString: gearman_strerror(code)))
        }
    }

    private static func check(_ code: gearman_return_t) throws(ConnectionFailure) {
        if code != GEARMAN_SUCCESS { throw ConnectionFailure(reason: unsafe String(cString: gearman_strerror(code))) }
    }
}

/// Why a connection could not be made.
struct ConnectionFailure: Error {
    let reason: String
}

/// What the callback needs to answer a job. It belongs to a connection's thread, which keeps it for as long as the connection.
final class JobContext {
    let handler: JobQueue.Handler

    init(handler: @escaping JobQueue.Handler) { self.handler = handler }

    /// The context as libgearman carries it. It is not retained.
    var pointer: UnsafeMutableRawPointer { unsafe Unmanaged.passUnretained(self).toOpaque() }
}
