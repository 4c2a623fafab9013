package import LBaaS

// What the kernel does not check, or checks without a word: refused before anything is touched.

extension LoadBalancer {
    /// Why the kernel cannot run this load balancer as it is asked to: the field and the reason. Nil where it can.
    package var refusalByIPVS: (field: String, reason: String)? {
        if let address, let fault = address.faultAsService { return ("address", "\(address) is \(fault)") }
        if case .sourceIP(let timeout)? = sessionPersistence, timeout > Self.longestPersistence {
            return ("sessionPersistence.timeout", "\(timeout) is more than the kernel's clock counts; use 1 to \(Self.longestPersistence)")
        }
        if let most = algorithm.scheduler.mostDestinations, nodes.count > most {
            return ("nodes", "\(nodes.count) nodes are more than the \(most) places of the kernel's \(algorithm.rawValue) table")
        }
        if case .tunnel(let tunnel)? = forwarding, tunnel.kind == .gue, tunnel.port == nil {
            return ("tunnel.port", "is missing; a GUE tunnel needs the UDP port that the nodes receive it on")
        }
        return refusalOfNodes
    }

    /// 31 days, in seconds: the kernel counts in ticks of which a 32-bit number holds no more than that for sure.
    private static let longestPersistence: UInt32 = 2_678_400

    private var refusalOfNodes: (field: String, reason: String)? {
        var places: [DestinationKey: Int] = [:]
        places.reserveCapacity(nodes.count)
        for (index, node) in nodes.enumerated() {
            guard let key = DestinationKey(node.endpoint) else { continue }
            if let first = places.updateValue(index, forKey: key) {
                return ("nodes[\(index)]", "is \(key), as nodes[\(first)] is already; the kernel keeps a real server once for each service")
            }
            if let refusal = refusal(of: key, at: "nodes[\(index)]") { return refusal }
        }
        return sorryServer.flatMap { DestinationKey($0) }.flatMap { refusal(of: $0, at: "sorry_server") }
    }

    private func refusal(of key: DestinationKey, at place: String) -> (field: String, reason: String)? {
        if let fault = key.address.faultAsRealServer { return ("\(place).address", "\(key.address) is \(fault)") }
        let method = forwarding.method
        if method != .nat, key.port != port {
            return (
                "\(place).port", "\(key.port) is not the load balancer's port \(port), and with \(method) packets go on as they come"
            )
        }
        if let family = address?.family, family != key.address.family, !method.isTunnel {
            return (
                "\(place).address",
                "\(key.address) is not of the family of \(address?.description ?? ""); with \(method) the kernel forwards within one family alone"
            )
        }
        return nil
    }
}

extension IPAddress {
    /// Whether it is the address of a group.
    var isMulticast: Bool {
        switch self {
        case .v4(let bits): bits >> 28 == 0xE
        case .v6(let high, _): high >> 56 == 0xFF
        }
    }

    /// Why it cannot be the address of a virtual service; nil where it can.
    fileprivate var faultAsService: String? { isMulticast || self == .v4(.max) ? "not the address of one host" : nil }

    /// Why it cannot be the address of a real server; nil where it can.
    fileprivate var faultAsRealServer: String? {
        if isUnspecified || isMulticast || self == .v4(.max) { return "not the address of one host" }
        guard case .v6(let high, _) = self, high >> 54 == 0x3FA else { return nil }
        return "a link-local address, which the kernel cannot reach without an interface"
    }
}
