import CNamespaces
import Glibc
import IPVSDriver
import LBaaS

/// Why it could not be measured, in a sentence.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// What is to be measured: the same options and the same table as of `raw-ipvs`.
struct Work {
    private var scheduler = Scheduler("wlc")
    private var services = 1000
    private var nodes = 10
    private var lists = 0
    private var changes = 0
    private var rounds = 1

    init(_ arguments: some Sequence<String>) throws(Failure) {
        var rest = arguments.makeIterator()
        while let option = rest.next() {
            guard let value = rest.next() else { throw Failure("\(option) wants a value") }
            if option == "--scheduler" {
                scheduler = Scheduler(value)
                continue
            }
            guard let count = Int(value), count >= 0 else { throw Failure("\(option): \(value) is not a count") }
            switch option {
            case "--services": services = count
            case "--nodes": nodes = count
            case "--lists": lists = count
            case "--changes": changes = count
            case "--rounds": rounds = count
            default: throw Failure("unknown option: \(option)")
            }
        }
        guard services > 0, nodes > 0 else { throw Failure("--services and --nodes: 1 or more") }
    }

    /// Measures, each time in a network namespace of its own, where the table is empty.
    func measure() throws {
        let algorithm = Algorithm.allCases.first { $0.scheduler == scheduler }
        for _ in 0..<rounds {
            // Real servers are refused where no interface is up.
            guard unshare(CInt(NETWORK_NAMESPACE)) == 0, unsafe system("ip link set lo up") == 0 else {
                throw Failure("cannot make a network namespace")
            }
            if let algorithm { try measureDriver(algorithm) } else { try measureChanges() }
        }
    }

    /// Through the driver, as the worker has it.
    private func measureDriver(_ algorithm: Algorithm) throws {
        let driver = try IPVSDriver()
        _ = try driver.observe(expecting: [])
        let loadBalancers = (0..<services).map { loadBalancer($0, algorithm) }
        let creations = PatchGroup.groups(of: loadBalancers.map { LoadBalancerPatch(.create($0)) })
        try measure("fill") { try apply(creations, driver) }
        for _ in 0..<lists {
            try measure("list") {
                let observation = try driver.observe(expecting: loadBalancers)
                guard observation.altered.isEmpty, observation.running == loadBalancers else {
                    throw Failure("the driver finds another table than it made")
                }
            }
        }
        var changed = loadBalancers
        for change in 0..<changes {
            let old = changed[change % services]
            changed[change % services].nodes[change % nodes].weight = UInt16(200 + change % 7)
            guard let patch = LoadBalancerPatch(from: old, to: changed[change % services]) else { continue }
            try measure("change") { try apply([PatchGroup([patch])], driver) }
        }
    }

    /// For a scheduler that no algorithm stands for: through what the driver works out changes with and sends them with.
    private func measureChanges() throws {
        let kernel = try NetlinkKernel()
        let table = (0..<services).map { service in
            let loadBalancer = loadBalancer(service, .leastConnections)
            return loadBalancer.wantedServices(ServiceDefaults())[0]
        }
        try measure("fill") {
            var difference = Difference()
            for (key, wanted) in table {
                guard var service = wanted.service else { continue }
                service.settings.scheduler = scheduler
                difference.append(key, from: nil, to: service)
            }
            let refused = try kernel.carryOut(difference.changes) { _, _ in }
            if let first = refused.first { throw Failure("the kernel refuses a change: error \(first.number)") }
        }
    }

    private func apply(_ groups: [PatchGroup], _ driver: IPVSDriver) throws {
        let outcomes = driver.apply(groups)
        if let failure = outcomes.lazy.compactMap(\.failure).first { throw failure }
    }

    private func measure(_ what: String, _ body: () throws -> Void) rethrows {
        let faults = pageFaults
        let start = nanoseconds
        try body()
        let end = nanoseconds
        print(what, Double((end - start) / 100) / 10)
        print("\(what)-faults", pageFaults - faults)
    }

    /// The load balancer of this number: 10.0.0.1 and those that follow it, its nodes 172.16.0.1 and those that follow it.
    private func loadBalancer(_ number: Int, _ algorithm: Algorithm) -> LoadBalancer {
        var loadBalancer = LoadBalancer(
            id: LoadBalancerID("\(number)"), serviceProtocol: .tcp, address: .v4(0x0A00_0001 + UInt32(number)), port: 80)
        loadBalancer.algorithm = algorithm
        loadBalancer.nodes = (0..<nodes).map { node in
            Node(
                id: NodeID("\(node)"), address: .address(.v4(0xAC10_0001 + UInt32(number * nodes + node))), port: 8080,
                weight: UInt16(1 + node % 100))
        }
        return loadBalancer
    }
}

private var nanoseconds: UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// How often this process has touched a page of memory for the first time.
private var pageFaults: Int {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_minflt
}
