import Foundation
import Glibc
import LBaaS
import Synchronization
import TestSupport
import Testing

@testable import HAProxyDriver

/// A driver with a haproxy and real servers of its own, in a folder that goes at the end.
final class Bench: Sendable {
    private let home: TemporaryFolder
    /// The folder, which goes at the end.
    var folder: String { home.path }
    let site: Site
    private let driverBox: Mutex<HAProxyDriver>
    private let configuration: [String: String]
    private let servers = Mutex<[RealServer]>([])
    private let wanted = Mutex<[LoadBalancerID: LoadBalancer]>([:])
    private let steps = Record<Step>()
    private let lines = LogRecord()

    var driver: HAProxyDriver { driverBox.withLock { $0 } }
    /// The steps that the driver took.
    var taken: [Step] { steps.all }
    /// How often haproxy was told to load its configuration.
    var loads: Int { taken.count { $0 == .loadOrdered } }
    /// What it logged.
    var logged: [String] { lines.lines }

    init(_ section: [String: String] = [:]) throws {
        home = try TemporaryFolder()
        let folder = home.path
        let own = ["run_dir": folder + "/run", "config": folder + "/etc/haproxy.cfg", "archive_endpoints": "127.0.0.0/8"]
        configuration = section.merging(own) { given, _ in given }
        driverBox = Mutex(try HAProxyDriver(DriverConfiguration(configuration), log: .silent))
        site = driverBox.withLock { $0.site }
        try restart()
        _ = try driver.observe(expecting: [])
    }

    /// A new driver in place of the one that is there, as after a restart of the worker: what the old one has in hand is over.
    ///
    /// - Parameter restartsHAProxy: whether it starts a haproxy again that ends. Otherwise that is left to the test.
    func restart(_ section: [String: String] = [:], systemctl: String = "/nonexistent", restartsHAProxy: Bool = false) throws {
        let driver = try HAProxyDriver(
            DriverConfiguration(configuration.merging(section) { $1 }),
            log: lines.log, systemctl: systemctl, trace: { [steps] in steps.add($0) })
        if !restartsHAProxy { driver.stopRestarting() }
        weak let old = self.driver.keeper
        driverBox.withLock { $0 = driver }
        try waitUntil("the old driver is gone") { old == nil }
    }

    /// Ends what it started.
    func tearDown() {
        driver.stopRestarting()
        servers.withLock { $0 }.forEach { $0.stop() }
        if let table = try? driver.loader.processTable() {
            driver.lingering.forget()
            for pid in [table.master] + table.current + table.old { kill(pid, SIGKILL) }
        }
    }

    /// A real server, which ends with the bench.
    func server(_ name: String) throws -> RealServer {
        let server = try RealServer(name)
        servers.withLock { $0.append(server) }
        return server
    }

    /// Forgets steps and log so far.
    func forget() {
        steps.clear()
        lines.clear()
    }

    /// Has these load balancers run, and no others.
    func run(_ loadBalancers: LoadBalancer..., isForced: Bool = false, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(tryToRun(loadBalancers, isForced: isForced) == [], sourceLocation: sourceLocation)
    }

    /// Has these load balancers run, and no others; the messages of what fails. Those that fail stay as they were.
    func tryToRun(_ loadBalancers: [LoadBalancer], isForced: Bool = false) -> [String] {
        let new = Dictionary(loadBalancers.map { ($0.id, $0) }) { first, _ in first }
        let old = wanted.withLock { $0 }
        let ids = Set(new.keys).union(old.keys).sorted()
        let patches = ids.compactMap { LoadBalancerPatch(from: old[$0], to: new[$0], isForced: isForced) }
        let groups = PatchGroup.groups(of: patches)
        let outcomes = driver.apply(groups)
        wanted.withLock { wanted in
            for (group, outcome) in zip(groups, outcomes) where outcome.failure == nil {
                for patch in group.patches { wanted[patch.id] = patch.loadBalancer.new }
            }
        }
        return outcomes.compactMap(\.failure?.message)
    }

    /// Has what differs from what is wanted put right, as the worker does; the ids of what differed.
    @discardableResult
    func settle() throws -> [String] {
        let wanted = wanted.withLock { $0 }
        let observation = try driver.observe(expecting: Array(wanted.values))
        let running = Dictionary(observation.running.map { ($0.id, $0) }) { first, _ in first }
        let ids = Set(wanted.keys).union(running.keys).sorted()
        let patches = ids.compactMap { id in
            observation.altered.contains(id)
                ? LoadBalancerPatch(restoring: running[id], to: wanted[id]) : LoadBalancerPatch(from: running[id], to: wanted[id])
        }
        #expect(driver.apply(PatchGroup.groups(of: patches)).compactMap(\.failure?.message) == [])
        return patches.map(\.id.text)
    }

    /// What haproxy answers to a command.
    func ask(_ command: String) throws -> String { try CommandSocket.ask(command, at: site.commandSocket) }

    /// The process that serves.
    var serving: Int32? { try? driver.loader.process()?.pid }

    /// How a node is.
    func status(_ id: LoadBalancerID, _ node: NodeID) throws -> NodeStatus {
        try #require(try driver.status(of: [id])[id]?.first { $0.id == node })
    }

    /// UP or DOWN of each node.
    func status(_ id: LoadBalancerID) throws -> [String: Bool] {
        Dictionary(try #require(try driver.status(of: [id])[id]).map { ($0.id.text, $0.isUp) }) { first, _ in first }
    }

    /// The file's text.
    var file: String { (try? String(contentsOfFile: site.configurationFile, encoding: .utf8)) ?? "" }

    /// How many of 40 requests over HTTP a real server answers.
    func share(_ port: UInt16, of name: String) throws -> Int {
        try (0..<40).count { _ in try Page(port).body == name }
    }

    /// A connection over TCP to a load balancer that balances each, at this real server.
    func connection(to port: UInt16, at name: String) throws -> LoopbackSocket {
        for _ in 0..<100 {
            let connection = try LoopbackSocket.connected(to: port)
            if try connection.ask("hello") == "\(name) hello" { return connection }
        }
        throw Failure("no connection comes to \(name)")
    }

    /// Has haproxy load its file, as an operator would. Behind its start and each load the master starts itself anew, and nobody listens on
    /// its socket for a moment.
    func loadFile() throws {
        try waitUntil("the master takes commands") {
            do throws(ApplianceError) {
                _ = try CommandSocket.ask("reload", at: site.masterSocket)
                return true
            } catch  where error.code == .notRunning {
                return false
            }
        }
    }

    /// Kills the process that serves, which takes the master along.
    func killHAProxy() throws {
        let master = try driver.loader.processTable().master
        kill(try #require(serving), SIGKILL)
        try waitUntil("haproxy is gone") { kill(master, 0) != 0 && serving == nil }
    }

    /// Makes a program. Another process writes it: one that this one starts meanwhile would hold it open for a moment, and a file that is
    /// open for writing cannot be run.
    func makeProgram(_ text: String, at path: String) throws {
        try write(text, to: path + ".text")
        let end = try DetachedProcess.run("install", ["-m", "700", path + ".text", path], within: .seconds(60))
        #expect(end.ok, "\(end.output)")
    }

    func write(_ text: String, to path: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
}

/// Runs a test with a bench of its own.
func withBench(_ section: [String: String] = [:], _ body: @escaping @Sendable (Bench) throws -> Void) async throws {
    let bench = try Bench(section)
    defer { bench.tearDown() }
    try await onThread { try body(bench) }
}
