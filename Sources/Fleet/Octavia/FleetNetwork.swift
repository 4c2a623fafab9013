import FleetModel
import LBaaS

/// The groups as networks, and their ranges of addresses as subnets, in the words of Neutron.
enum FleetNetwork {
    /// The id of the network of a group.
    static func id(_ group: String) -> String { UUIDText.of("network/" + group) }

    /// The id of the subnet of a range.
    static func subnetID(_ group: String, _ range: FleetModel.AddressRange) -> String {
        UUIDText.of("subnet/\(group)/\(range.description)")
    }
}

/// Where a new load balancer may be.
struct Placement: Sendable {
    var address: IPAddress?
    var subnet: String?
    var network: String?

    /// How many addresses of a range are looked at for a free one.
    private static let mostProbes = 70_000

    /// The group with the most free addresses, and a free address of it.
    func choose(_ state: FleetState) throws(OctaviaFault) -> (group: FleetGroup, address: IPAddress) {
        var groups = state.groups.values.sorted { $0.name < $1.name }
        if groups.isEmpty { throw OctaviaFault(503, "no group of workers is configured: add a [group:NAME] to the configuration") }
        if let network {
            groups.removeAll { FleetNetwork.id($0.name) != network }
            if groups.isEmpty { throw .validation("Network \(network) not found") }
        }
        if let subnet {
            groups.removeAll { group in !group.addresses.contains { FleetNetwork.subnetID(group.name, $0) == subnet } }
            if groups.isEmpty { throw .validation("Subnet \(subnet) not found") }
        }
        if let address { return (try group(of: address, groups, state), address) }
        if groups.allSatisfy({ isFull($0, state) }) { throw Self.full }
        // The most room first.
        let ordered = groups.map { ($0, room(of: $0, state)) }.sorted { $0.1 > $1.1 }
        for (group, room) in ordered where room > 0 {
            if let free = free(group, state) { return (group, free) }
        }
        throw OctaviaFault(409, "No address is free: add a range of addresses to a group of workers, or delete load balancers.")
    }

    private func group(of address: IPAddress, _ groups: [FleetGroup], _ state: FleetState) throws(OctaviaFault) -> FleetGroup {
        let found = groups.filter { group in ranges(of: group).contains { $0.contains(address) } }
        guard let first = found.first else { throw .validation("the address \(address) is in no range of a group of workers") }
        guard let free = found.first(where: { state.addresses[$0.name]?[address] == nil }) else {
            throw OctaviaFault(409, "The address \(address) is that of another load balancer, in the group \(first.name).")
        }
        if isFull(free, state) { throw Self.full }
        return free
    }

    /// Whether the workers of a group have as many virtual IPs as they take.
    private func isFull(_ group: FleetGroup, _ state: FleetState) -> Bool {
        group.interface != nil && state.addresses[group.name]?.count ?? 0 >= FleetGroup.mostVirtualIPs
    }

    private static let full = OctaviaFault(
        409,
        "The workers have \(FleetGroup.mostVirtualIPs) virtual IPs, and take no more: add a group of workers, or delete load balancers.")

    private func ranges(of group: FleetGroup) -> [FleetModel.AddressRange] {
        subnet.map { subnet in group.addresses.filter { FleetNetwork.subnetID(group.name, $0) == subnet } } ?? group.addresses
    }

    private func room(of group: FleetGroup, _ state: FleetState) -> Int {
        let all = ranges(of: group).reduce(0) { $0.addingReportingOverflow($1.count).overflow ? .max : $0 + $1.count }
        let taken = state.addresses[group.name]?.count ?? 0
        return min(all - taken, group.interface == nil ? .max : FleetGroup.mostVirtualIPs - taken)
    }

    /// Begins anywhere, so that servers that look at a time mostly find different ones. IPv4 comes first.
    private func free(_ group: FleetGroup, _ state: FleetState) -> IPAddress? {
        let taken = state.addresses[group.name] ?? [:]
        for range in ranges(of: group).filter({ !$0.isIPv6 }) + ranges(of: group).filter(\.isIPv6) {
            if let free = range.free(from: .random(in: 0 ... .max), most: Self.mostProbes, isTaken: { taken[$0] != nil }) { return free }
        }
        return nil
    }
}
