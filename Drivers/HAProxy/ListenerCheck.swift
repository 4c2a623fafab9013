import Glibc
import HostSystem
public import LBaaS
import Synchronization

/// Why haproxy could not be started or loaded with the load balancers of a change, found out before haproxy is touched.
extension HAProxyDriver {
    /// Why a change would be refused; nil where it would not, as far as that can be known.
    public func objection(to groups: [PatchGroup]) -> DriverError? {
        let change = Change(groups, running: running.withLock { $0 })
        if change.open.isEmpty || change.isEnd || change.reasonsToLoad(with: base) == nil { return nil }
        do throws(ApplianceError) {
            try keeper.checkOwner()
            _ = try loader.process()
            try trial.check()
        } catch {
            return error.driverError
        }
        return refusals(of: change).first?.error.driverError
    }

    /// The groups whose load balancers cannot listen, each with the reason.
    ///
    /// - Parameter patience: how long to wait for ports that somebody else has.
    func refusals(of change: Change, patience: Duration = .zero) -> [(group: Int, error: ApplianceError)] {
        let deadline = Deadline(in: patience)
        let held = change.running?.proxies.values.map(\.loadBalancer).filter { !$0.isSuspended } ?? []
        let listeners = held.map(\.listener)
        var descriptors = DescriptorCount(held, limit: base.hasRightsOfWorker ? loader.descriptorLimit() : nil)
        var refusals: [(group: Int, error: ApplianceError)] = []
        for index in change.open {
            let groups = change.groups([index])
            let patches = groups.flatMap(\.patches)
            for patch in patches { descriptors.remove(patch.loadBalancer.old) }
            let new = patches.compactMap(\.loadBalancer.new).filter { !$0.isSuspended }
            let reason = new.lazy.compactMap { loadBalancer -> String? in
                // A socket of the same place is handed on from process to process.
                if listeners.contains(loadBalancer.listener) { return nil }
                let isShared = listeners.contains { $0.overlaps(loadBalancer.listener) }
                let isVirtual = loadBalancer.address.map { address in groups.contains { $0.virtualIPs.contains(address) } } ?? false
                func refusal() -> String? {
                    PortCheck.refusal(of: loadBalancer, with: self.base, isShared: isShared, isVirtual: isVirtual)
                }
                let isFree = deadline.wait { refusal() == nil ? true : nil } ?? false
                if isFree { return nil }
                let reason = refusal() ?? "the port was taken a moment ago; try again"
                return "load balancer \(quoted(loadBalancer.id.text)) cannot listen on \(loadBalancer.listener): \(reason)"
            }.first
            if let reason = reason ?? descriptors.add(new) { refusals.append((index, ApplianceError(.refused, reason))) }
        }
        return refusals
    }
}

/// How many descriptors haproxy needs, which does not start where it may not have as many.
struct DescriptorCount {
    /// What haproxy needs without a load balancer: for the 100 connections that it takes as its least, and for itself.
    private static let foundation = 240 + 4 * sysconf(Int32(_SC_NPROCESSORS_ONLN))

    private let limit: Int?
    private var count = foundation

    init(_ loadBalancers: [LoadBalancer], limit: Int?) {
        self.limit = limit
        for loadBalancer in loadBalancers { count += Self.count(loadBalancer) }
    }

    /// A load balancer needs one for each address that it listens on, and one for the check of each node.
    private static func count(_ loadBalancer: LoadBalancer) -> Int {
        loadBalancer.isSuspended ? 0 : (loadBalancer.address == nil ? 2 : 1) + loadBalancer.nodes.count
    }

    mutating func remove(_ loadBalancer: LoadBalancer?) {
        if let loadBalancer { count -= Self.count(loadBalancer) }
    }

    /// Adds load balancers; why they cannot be added, where they cannot.
    mutating func add(_ loadBalancers: [LoadBalancer]) -> String? {
        let more = loadBalancers.map(Self.count).reduce(0, +)
        if let limit, more > 0, count + more > limit, let first = loadBalancers.first {
            return
                "with load balancer \(quoted(first.id.text)) haproxy needs \(count + more) descriptors, and it may have \(limit): raise LimitNOFILE= of the worker's unit"
        }
        count += more
        return nil
    }
}

extension Loader {
    /// How many descriptors haproxy may have: as many as the master that runs, or as a program that the worker starts.
    func descriptorLimit() -> Int? {
        if let master = try? processTable().master, let bytes = try? WholeFile(path: "/proc/\(master)/limits").read(),
            let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first(where: { $0.hasPrefix("Max open files") }),
            let hard = line.split(separator: " ").dropFirst(4).first
        {
            return Int(hard)
        }
        var limit = rlimit()
        return unsafe getrlimit(__rlimit_resource_t(7), &limit) == 0 ? Int(clamping: limit.rlim_max) : nil
    }
}
