import Controller
import IPVSDriver
import JobMessages
import LBaaS
import Requests
import StateStore
import TestSupport
import Testing
import WorkerHarness

/// A worker without its connections, on the director of a lab: jobs, the commit pipeline, the driver, and the state in a folder of its own.
/// Its time stands until it is moved.
final class WorkerBench {
    private let namespace: Namespace
    private let section: [String: String]
    private let folder: TemporaryFolder
    private let clock = ManualClock()
    private let time = FakeTime()
    private let messages = JobMessages()
    private var worker: Worker?

    private struct Worker {
        let pipeline: CommitPipeline
        let runner: LBaaSController
    }

    /// A worker that has nothing to do yet.
    init(in namespace: Namespace, _ section: [String: String] = [:]) throws {
        (self.namespace, self.section) = (namespace, section)
        folder = try TemporaryFolder()
        try restart()
    }

    /// What is to be done holds the driver, which holds the time, and with its socket the namespace.
    deinit { time.forget() }

    /// Ends the worker, if it runs, and starts another one that finds the state and the table as they are.
    func restart() throws {
        // The state is closed when the pipeline goes.
        worker = nil
        time.forget()
        worker = try namespace.run {
            let (clock, time) = (clock, time)
            let driver = try IPVSDriver(
                DriverConfiguration(section), log: .silent, open: { () throws(KernelFailure) in try NetlinkKernel() },
                later: { time.add($1, after: $0) }, now: { time.now })
            let pipeline = try CommitPipeline(
                driver: driver, driverName: "ipvs", store: StateStore(folder: folder.path + "/state"), log: .silent, now: { clock.now })
            let surroundings = LBaaSController.Surroundings(
                version: "1", release: "1.0", diagnose: { .refused(Refusal(.invalid, "no diagnosis")) })
            return Worker(
                pipeline: pipeline,
                runner: LBaaSController(pipeline: pipeline, driver: driver, driverName: "ipvs", surroundings: surroundings))
        }
    }

    /// Has a job done.
    @discardableResult
    func ask(_ job: JSON) throws -> JSON {
        let bytes = try job.bytes
        return try namespace.run {
            guard let runner = worker?.runner else { throw Failure("the worker does not run") }
            return try JSON(bytes: messages.answer(bytes.span.bytes) { runner.perform($0) }.reply)
        }
    }

    /// Has a job done that must succeed.
    func succeed(_ job: JSON, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let reply = try ask(job)
        #expect(reply.isPass, "\(reply)", sourceLocation: sourceLocation)
    }

    /// Looks at the table, as the worker does from time to time.
    func resync() throws { try namespace.run { worker?.pipeline.resync() } }

    /// Lets time pass, with all that is to be done in it.
    func advance(seconds: Int64) throws {
        clock.advance(seconds: seconds)
        try namespace.run {
            time.advance(.seconds(seconds))
            worker?.pipeline.endDrains()
        }
    }

    /// The bytes that METRICS reports of a load balancer.
    func reported(_ id: String = "web") throws -> Int {
        let reply = try ask(job("METRICS", named(id)))
        guard reply.isPass, case .number(let bytes) = reply["loadBalancers"][0]["bytes_out"] else { throw Failure("no traffic: \(reply)") }
        return Int(bytes)
    }

    /// What STATS says of each node of a load balancer.
    func nodes(_ id: String = "web") throws -> [String: String] {
        let nodes = try ask(job("STATS", named(id)))["nodes"].elements
        return Dictionary(nodes.map { ($0["id"].text ?? "", $0["status"].text ?? "") }) { "\($0) and \($1)" }
    }
}

extension Lab {
    /// A load balancer at the virtual address as a job lists it, with a node for each of these real servers.
    func listed(
        _ id: String = "web", _ carried: String = "TCP", _ family: Family = .v4, port: UInt16 = 80, weights: KeyValuePairs<String, Int>,
        _ more: [String: JSON] = [:]
    ) throws -> JSON {
        let nodes = try weights.map { name, weight -> JSON in
            let address = try realServer(name).address(family)
            return [
                "id": .string(name), "address": .string("\(address)"), "port": .number(Double(port)), "weight": .number(Double(weight)),
            ]
        }
        var listed: JSON = [
            "id": .string(id), "protocol": .string(carried), "address": .string("\(try Lab.virtualAddress(family))"),
            "port": .number(Double(port)), "nodes": .array(nodes),
        ]
        for (name, value) in more { listed[name] = value }
        return listed
    }
}
