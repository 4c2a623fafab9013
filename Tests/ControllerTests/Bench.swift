import Foundation
import HostSystem
import JobMessages
import LBaaS
import Requests
import StateStore
import Synchronization
import TestSupport
import Testing

@testable import Controller

/// A worker without its connections: pipeline and runner over a recording driver, with the state in a folder of its own.
final class Bench {
    let driver: RecordingDriver
    let clock = ManualClock()
    let folder: TemporaryFolder
    let lines = Lines()
    let progress = ProgressMonitor()
    private let keeper: (any VirtualIPKeeper)?
    private let observer: (any CoreObserver)?
    private let messages = JobMessages()
    private(set) var pipeline: CommitPipeline
    private(set) var runner: LBaaSController

    init(
        driver: RecordingDriver? = nil, folder: TemporaryFolder? = nil, keeper: (any VirtualIPKeeper)? = nil,
        observer: (any CoreObserver)? = nil
    )
        throws
    {
        (self.keeper, self.observer) = (keeper, observer)
        self.driver = try driver ?? RecordingDriver()
        self.folder = try folder ?? TemporaryFolder()
        (pipeline, runner) = try Self.start(
            self.driver, StateStore(folder: self.folder.path + "/state"), keeper, observer, clock, progress, lines.log)
        self.driver.clear()
    }

    /// Ends the worker and starts another over the same appliance and state.
    ///
    /// - Parameter restored: what a cluster wanted last.
    func restart(restored: [LoadBalancer] = []) throws {
        // The state is closed when the old pipeline goes.
        (pipeline, runner) = try Self.start(try RecordingDriver(), nil, nil, nil, clock, progress, .silent)
        (pipeline, runner) = try Self.start(
            driver, StateStore(folder: folder.path + "/state"), keeper, observer, clock, progress, lines.log, restored)
    }

    private static func start(
        _ driver: RecordingDriver, _ store: sending StateStore?, _ keeper: (any VirtualIPKeeper)?, _ observer: (any CoreObserver)?,
        _ clock: ManualClock,
        _ progress: ProgressMonitor, _ log: Log, _ restored: [LoadBalancer] = []
    ) throws -> (CommitPipeline, LBaaSController) {
        let now: @Sendable () -> Timestamp = { clock.now }
        let pipeline = try CommitPipeline(
            driver: driver, driverName: "fake", store: store, keeper: keeper, progress: progress, observer: observer, log: log,
            restored: restored, now: now)
        let surroundings = LBaaSController.Surroundings(
            version: "1", release: "1.0", diagnose: { .refused(Refusal(.invalid, "no diagnosis")) })
        return (pipeline, LBaaSController(pipeline: pipeline, driver: driver, driverName: "fake", surroundings: surroundings))
    }

    /// Sends a job; without a list it has no field `loadBalancers`.
    @discardableResult
    func send(_ action: String, _ loadBalancers: [String]? = nil, dryRun: Bool = false, force: Bool = false) throws -> Reply {
        try send(raw: Self.job(action, loadBalancers, (dryRun ? #", "hpcs_dry_run": true"# : "") + (force ? #", "hpcs_force": true"# : "")))
    }

    /// Sends an ARCHIVE job about a load balancer.
    @discardableResult
    func archive(_ loadBalancer: String, token: String = "good") throws -> Reply {
        let store = #", "hpcs_object_store_type": "swift", "hpcs_object_store_basepath": "logs", "hpcs_object_store_endpoint": "http://x""#
        return try send(raw: Self.job("ARCHIVE", [loadBalancer], store + #", "hpcs_object_store_token": "\#(token)""#))
    }

    private static func job(_ action: String, _ loadBalancers: [String]?, _ more: String) -> String {
        let list = loadBalancers.map { #", "loadBalancers": [\#($0.joined(separator: ","))]"# } ?? ""
        return #"{"hpcs_action": "\#(action)"\#(list)\#(more)}"#
    }

    /// Sends a job as it is.
    func send(raw job: String) throws -> Reply {
        let bytes = Array(job.utf8)
        return try Reply(messages.answer(bytes.span.bytes) { runner.perform($0) }.reply)
    }

    /// Whether a job passes without a call of the driver and without a commit.
    func passesUntouched(_ action: String, _ loadBalancers: [String]? = nil) throws -> Bool {
        try isUntouched { try send(action, loadBalancers).isPass }
    }

    /// Whether a job is refused without a call of the driver and without a commit, in a sentence with all of these parts.
    func refuses(_ action: String, _ loadBalancers: [String]? = nil, _ parts: String...) throws -> Bool {
        try isUntouched {
            let reply = try send(action, loadBalancers)
            let error = try #require(reply.error, "\(action) passes")
            for part in parts where !error.contains(part) { Issue.record("'\(error)' does not name \(part)") }
            return !reply.isPass
        }
    }

    private func isUntouched(_ body: () throws -> Bool) throws -> Bool {
        driver.clear()
        let size = logSize
        let isAsWanted = try body()
        #expect(driver.calls.isEmpty)
        #expect(logSize == size)
        return isAsWanted
    }

    /// Each commit is appended to the log, which is made by the first.
    private var logSize: Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: folder.path + "/state/state.sqlite-wal")
        return attributes?[.size] as? Int ?? 0
    }

    /// What is committed, by identity.
    var committed: [String: LoadBalancer] {
        get throws {
            let entries = pipeline.committed.read { Array($0.wanted.entries.values) }
            return Dictionary(uniqueKeysWithValues: entries.map { ($0.loadBalancer.id.text, $0.loadBalancer) })
        }
    }

    /// What a worker would run that finds the state as it is now: the image that a kill at this moment leaves. No commit may be
    /// under way, or else the two files of the state would not be of one moment.
    var durable: [String: LoadBalancer] {
        get throws {
            let image = try TemporaryFolder()
            try FileManager.default.copyItem(atPath: folder.path + "/state", toPath: image.path + "/state")
            return try Bench(folder: image).driver.running
        }
    }

    /// Whether appliance, committed state and state file all hold exactly this.
    func holds(_ ids: [String]) throws -> Bool {
        let committed = try committed
        #expect(try driver.running == committed)
        #expect(try durable == committed)
        return committed.keys.sorted() == ids
    }
}

/// A reply, as JSON.
struct Reply {
    private let fields: [String: Any]

    init(_ bytes: [UInt8]) throws {
        fields = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    var isPass: Bool { fields["hpcs_response"] as? String == "PASS" }
    var error: String? { fields["hpcs_error"] as? String }
    var plan: [String]? { fields["plan"] as? [String] }
    /// The number of a front's state.
    var frontRevision: Int? { fields["hpcs_revision"] as? Int }
    /// The sentences of all parts that are refused.
    var refusals: [String]? { fields["hpcs_refusals"] as? [String] }
    var isDeleted: Bool { !isPass && fields["status"] as? String == "DELETED" }
    subscript(name: String) -> String? { fields[name] as? String }

    /// The nodes as they stand in the reply.
    var list: [[String: Any]] { fields["nodes"] as? [[String: Any]] ?? [] }

    /// `ID of LOAD BALANCER: UP`.
    var nodes: [String]? {
        (fields["nodes"] as? [[String: Any]])?.map { "\($0["id"] ?? "?") of \($0["loadBalancer"] ?? "?"): \($0["status"] ?? "?")" }
    }

    /// `ID PROTOCOL BYTES`.
    var traffic: [String]? {
        (fields["loadBalancers"] as? [[String: Any]])?.map { "\($0["id"] ?? "?") \($0["protocol"] ?? "?") \($0["bytes_out"] ?? "?")" }
    }
}

/// What was logged.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    var log: Log {
        Log(threshold: .warning) { [self] _, message, fields in
            lines.withLock { $0.append(([message] + fields.map { "\($0.name)=\($0.value)" }).joined(separator: " ")) }
        }
    }
}

/// Lets no file of this process grow beyond so many bytes; for a process of its own.
func limitFiles(to bytes: rlim_t) throws {
    signal(SIGXFSZ, SIG_IGN)
    var limit = rlimit(rlim_cur: bytes, rlim_max: .max)
    try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
}
