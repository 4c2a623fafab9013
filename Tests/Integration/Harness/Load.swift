import Synchronization
import TestSupport
import WorkerHarness

/// Clients that submit jobs all the time, each about a load balancer of its own and each job after the answer to the one before.
final class Load: Sendable {
    private let answers = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)
    private let gearmand: Gearmand
    private let retries: Bool

    /// A load on this job server.
    ///
    /// - Parameter retries: whether a job is submitted again where the job server is lost. Without, that is a failure.
    init(on gearmand: Gearmand, retries: Bool) {
        self.gearmand = gearmand
        self.retries = retries
    }

    /// How many jobs were answered.
    var answered: Int { answers.load(ordering: .relaxed) }

    /// Ends the clients after the jobs that they have in hand.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Waits until so many more jobs were answered.
    func answers(more count: Int) async throws {
        let goal = answered + count
        try await eventually("\(goal) answers") { answered >= goal || isStopped.load(ordering: .relaxed) }
    }

    /// Runs clients until each has submitted so many jobs or they are stopped.
    ///
    /// - Throws: where a job was not answered, or failed.
    func run(clients: Int, jobs: Int = .max) async throws -> [Life] {
        try await withThrowingTaskGroup(of: Life.self) { group in
            for index in 0..<clients {
                group.addTask { try await onThread { try self.live(Life(index: index), jobs: jobs) } }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private func live(_ newborn: Life, jobs: Int) throws -> Life {
        // One that fails takes the others along, so that the test need not wait for them.
        var isDone = false
        defer { if !isDone { stop() } }
        var life = newborn
        let client = GearmanClient(ports: [gearmand.port], function: WorkerOptions.function, timeout: retries ? 5 : 180)
        for _ in 0..<jobs {
            if isStopped.load(ordering: .relaxed) { break }
            let job = life.next()
            let bytes = try job.bytes
            let reply = try JSON(bytes: try retries ? client.submitUntilAnswered(bytes) : client.submit(bytes))
            guard reply.isPass else { throw Failure("\(job) failed: \(reply)") }
            answers.add(1, ordering: .relaxed)
        }
        isDone = true
        return life
    }
}

/// Runs a test under a load, which ends with it, and answers what the clients did.
func under(_ load: Load, clients: Int, jobs: Int = .max, _ body: () async throws -> Void) async throws -> [Life] {
    async let lives = load.run(clients: clients, jobs: jobs)
    do {
        try await body()
    } catch {
        load.stop()
        // What went wrong with the load comes first: it may be why.
        _ = try await lives
        throw error
    }
    if jobs == .max { load.stop() }
    return try await lives
}
