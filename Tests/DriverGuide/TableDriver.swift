import FoundationEssentials
public import LBaaS
import Synchronization

/// A driver for an appliance that reads a table: a line for each node that is to get traffic.
public final class TableDriver: LoadBalancerDriver {
    /// TCP over nodes by their addresses, in turn; all else is refused before anything is changed.
    public let capabilities: Capabilities
    /// Somebody else may write the file, so it is looked at every minute.
    public let upkeep: Upkeep

    private let file: URL
    private let wanted = Mutex<[LoadBalancerID: LoadBalancer]>([:])

    /// The key `file` is the whole path of the table.
    public init(_ configuration: DriverConfiguration) throws(DriverConfiguration.Failure) {
        guard let path = configuration["file"], path.hasPrefix("/") else {
            throw DriverConfiguration.Failure(key: "file", message: "the whole path of the table is needed")
        }
        file = URL(fileURLWithPath: path)
        var capabilities = Capabilities()
        capabilities.protocols = [.tcp]
        capabilities.algorithms = [.roundRobin]
        self.capabilities = capabilities
        var upkeep = Upkeep()
        upkeep.resyncInterval = .seconds(60)
        self.upkeep = upkeep
    }

    /// Those of the expected load balancers whose lines the file has. What a line does not tell is taken from what is expected.
    public func observe(expecting expected: [LoadBalancer]) throws(DriverError) -> Observation {
        let lines = try Set(read().split(separator: "\n").map(String.init))
        let running = expected.filter { loadBalancer in Self.lines(of: loadBalancer).allSatisfy(lines.contains) }
        wanted.withLock { wanted in wanted = Dictionary(uniqueKeysWithValues: running.map { ($0.id, $0) }) }
        let isMore = lines.count > running.reduce(0) { $0 + Self.lines(of: $1).count }
        // Lines that belong to nobody are put right by writing the table once more.
        return Observation(running: running, altered: isMore ? Set(running.map(\.id)) : [])
    }

    /// Writes the table whole, so all groups have one outcome.
    public func apply(_ groups: [PatchGroup]) -> [GroupOutcome] {
        let failure = wanted.withLock { wanted -> DriverError? in
            var changed = wanted
            for patch in groups.flatMap(\.patches) { changed[patch.id] = patch.loadBalancer.new }
            let text = changed.values.flatMap(Self.lines).sorted().joined(separator: "\n") + "\n"
            do {
                try Data(text.utf8).write(to: file, options: .atomic)
            } catch {
                return DriverError("the table \(file.path) cannot be written: \(error)")
            }
            wanted = changed
            return nil
        }
        return groups.map { _ in GroupOutcome(failure: failure) }
    }

    /// A node that is in the table is up: the appliance checks none.
    public func status(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [NodeStatus]] {
        wanted.withLock { wanted in
            wanted.filter { ids.contains($0.key) }.mapValues { loadBalancer in
                loadBalancer.nodes.map { NodeStatus(id: $0.id, isUp: !loadBalancer.isSuspended && $0.condition == .enabled) }
            }
        }
    }

    /// The appliance does not count.
    public func statistics(of ids: [LoadBalancerID]) throws(DriverError) -> [LoadBalancerID: [TrafficCounter]] { [:] }

    private func read() throws(DriverError) -> String {
        do {
            return String(decoding: try Data(contentsOf: file), as: UTF8.self)
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            return ""
        } catch {
            throw DriverError("the table \(file.path) cannot be read: \(error)")
        }
    }

    private static func lines(of loadBalancer: LoadBalancer) -> [String] {
        if loadBalancer.isSuspended { return [] }
        let listener = "\(loadBalancer.address.map(String.init(describing:)) ?? "*") \(loadBalancer.port)"
        return loadBalancer.nodes.filter { $0.condition == .enabled }.map { "\(listener) \($0.endpoint) \($0.weight)" }
    }
}

extension TableDriver {
    /// What `--driver table` and the section `[worker:table]` need to know.
    public static let registration = DriverRegistration(
        name: "table", summary: "an appliance that reads a table of nodes", keys: [("file", "the whole path of the table")],
        make: { configuration, _ throws(DriverConfiguration.Failure) in try TableDriver(configuration) })
}
