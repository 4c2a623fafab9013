import Kubernetes
import LBaaS

/// The load balancers that the services of a cluster come to, kept up to date change by change. Pure.
struct ClusterBalancers {
    /// What is to be done for a change.
    struct Steps {
        /// The load balancers that are new or otherwise than before, by their service.
        var changed: [ObjectKey: [LoadBalancer]] = [:]
        /// Those that are gone.
        var removed: [LoadBalancerID] = []
        /// What the edge needs before that.
        var addedEdge: Set<EdgeElement> = []
        /// What it does not need any more behind that.
        var removedEdge: Set<EdgeElement> = []
        /// Listeners whose clients inside the cluster are served like those outside, because all marks are in use.
        var unmarked: [Listener] = []

        /// Whether nothing is to be done.
        var isEmpty: Bool { changed.isEmpty && removed.isEmpty && addedEdge.isEmpty && removedEdge.isEmpty }
    }

    private var marks: InsideMarks?
    private var balancers: [Listener: [LoadBalancer]] = [:]
    private var owners: [LoadBalancerID: ObjectKey] = [:]

    /// No load balancers.
    ///
    /// - Parameter markMask: the bits of marks; nil where nobody marks packets: then clients inside the cluster are served like all others.
    init(markMask: UInt32?) { marks = markMask.map { InsideMarks(mask: $0) } }

    /// At how many listeners there are some.
    var count: Int { balancers.count }

    /// All of them.
    var all: [LoadBalancer] { balancers.values.flatMap(\.self) }

    /// The elements of the edge for clients inside the cluster.
    var insideEdge: Set<EdgeElement> {
        Set(balancers.flatMap { listener, all in all.compactMap { $0.firewallMark.map { .inside(listener, mark: $0) } } })
    }

    /// The marks of clients inside the cluster that are in use.
    var marksInUse: Set<UInt32> { Set(balancers.values.joined().compactMap(\.firewallMark)) }

    /// Those of others that are not among these, and not in the place of one of these. One that had another mark is another one.
    func missing(of others: [LoadBalancer]) -> [LoadBalancer] {
        let marks = marksInUse
        let listeners = Set(balancers.values.joined().filter { $0.firewallMark == nil }.map(\.listener))
        return others.compactMap { other in
            guard let mark = other.firewallMark else {
                return owners[other.id] == nil && !listeners.contains(other.listener) ? other : nil
            }
            if marks.contains(mark) { return nil }
            var other = other
            if owners[other.id] != nil { other.id = LoadBalancerID("\(other.id.text)/\(mark)") }
            return other
        }
    }

    /// The service of a load balancer; nil where there is no such load balancer.
    func owner(of id: LoadBalancerID) -> ObjectKey? { owners[id] }

    /// Takes everything in that there is, where nothing was before.
    mutating func take(all services: some Sequence<VirtualService>, count: Int) {
        var steps = Steps()
        take(services, count: count, &steps, notingSteps: false)
    }

    /// Takes a change in.
    ///
    /// - Parameter notingSteps: false where all load balancers are handed on together: then only those without a mark are told.
    mutating func take(_ change: ClusterChange, notingSteps: Bool = true) -> Steps {
        var steps = notingSteps ? Steps(addedEdge: change.addedEdge, removedEdge: change.removedEdge) : Steps()
        // What goes first, and what needs no mark, for they may give one back.
        for listener in change.removed.keys { replace(listener, by: nil, &steps, notingSteps) }
        take(change.services.values, count: change.services.count, &steps, notingSteps: notingSteps)
        return steps
    }

    private mutating func take(_ services: some Sequence<VirtualService>, count: Int, _ steps: inout Steps, notingSteps: Bool) {
        if balancers.isEmpty {
            balancers.reserveCapacity(count)
            owners.reserveCapacity(count)
        }
        var marked: [(id: LoadBalancerID, service: VirtualService)] = []
        for service in services {
            if marks != nil, service.insideServers != nil {
                marked.append((service.id, service))
            } else {
                replace(service.listener, by: service, &steps, notingSteps)
            }
        }
        // In one order, so that a start gives the same marks.
        for (_, service) in marked.sorted(by: { $0.id < $1.id }) { replace(service.listener, by: service, &steps, notingSteps) }
    }

    private mutating func replace(_ listener: Listener, by service: VirtualService?, _ steps: inout Steps, _ notingSteps: Bool) {
        let old = balancers.removeValue(forKey: listener) ?? []
        var new: [LoadBalancer] = []
        if let service {
            new.append(LoadBalancer(service))
            if let inside = service.insideServers, marks != nil {
                if let mark = marks?.mark(of: listener) {
                    new.append(LoadBalancer(service, serving: inside, markedBy: mark))
                } else {
                    steps.unmarked.append(listener)
                }
            }
        }
        if new.allSatisfy({ $0.firewallMark == nil }) { _ = marks?.release(listener) }
        if notingSteps {
            let (before, after) = (Self.inside(old, listener), Self.inside(new, listener))
            steps.addedEdge.formUnion(after.subtracting(before))
            steps.removedEdge.formUnion(before.subtracting(after))
        }
        for gone in old where !new.contains(where: { $0.id == gone.id }) {
            owners[gone.id] = nil
            if notingSteps { steps.removed.append(gone.id) }
        }
        guard let service else { return }
        balancers[listener] = new
        for balancer in new where !old.contains(balancer) {
            owners[balancer.id] = service.owner
            if notingSteps { steps.changed[service.owner, default: []].append(balancer) }
        }
    }

    private static func inside(_ balancers: [LoadBalancer], _ listener: Listener) -> Set<EdgeElement> {
        Set(balancers.compactMap { $0.firewallMark.map { .inside(listener, mark: $0) } })
    }
}

extension LoadBalancer {
    /// What a service of a cluster comes to at one of its listeners.
    ///
    /// - Parameters:
    ///   - servers: of clients inside the cluster; nil for those of all others.
    ///   - mark: by which clients inside the cluster are told.
    fileprivate init(_ service: VirtualService, serving servers: [RealServer]? = nil, markedBy mark: UInt32? = nil) {
        let listener = service.listener
        let transport: ServiceProtocol =
            switch listener.transport {
            case .tcp: .tcp
            case .udp: .udp
            case .sctp: .sctp
            }
        let id = mark == nil ? service.id : LoadBalancerID(service.id.text + "/inside")
        self.init(id: id, serviceProtocol: transport, address: listener.address, port: listener.port)
        algorithm = service.scheduling.algorithm
        hashesPort = service.scheduling.hashesPort
        if let seconds = service.persistence { sessionPersistence = .sourceIP(timeout: seconds) }
        nodes = (servers ?? service.servers).map { server in
            let endpoint = Endpoint(host: .address(server.address), port: server.port)
            return Node(
                id: NodeID(endpoint.description), address: .address(server.address), port: server.port,
                condition: server.isDraining ? .draining : .enabled)
        }
        firewallMark = mark
    }
}
