/// What a request says of a virtual IP besides its address. What it leaves out stays as it is, or is the default.
public struct VirtualIPPatch: Hashable, Sendable {
    /// The name of a policy.
    public enum Policy: String, Hashable, Sendable, CaseIterable {
        case atMostOne = "at_most_one"
        case atLeastOne = "at_least_one"
    }

    /// The name of the interface.
    public var interface: String?
    /// What is promised.
    public var policy: Policy?
    /// What keeps the promise of `at_most_one`.
    public var fence: VirtualIP.Fence?
    /// 1 to 254.
    public var priority: Int?
    /// Whether a host with a higher priority takes it back.
    public var preemption: Preemption?
    /// Whether it is FAILING while its load balancers are not up.
    public var followsServices: Bool?
    /// What must work for the host to have it.
    public var checks: [VirtualIP.Check]?

    /// A patch that changes nothing.
    public init() {}

    /// A new virtual IP.
    ///
    /// - Throws: where it cannot be one.
    public func virtualIP(at address: IPAddress) throws(InvalidVirtualIP) -> VirtualIP {
        guard let interface else {
            // What is wrong with the address comes first.
            _ = try VirtualIP(address: address, interface: "eth0")
            throw InvalidVirtualIP(field: "interface", message: "is missing; it says where the address is bound")
        }
        return try applied(to: VirtualIP(address: address, interface: interface))
    }

    /// A virtual IP with what the patch says.
    ///
    /// - Throws: where it is none any more.
    public func applied(to old: VirtualIP) throws(InvalidVirtualIP) -> VirtualIP {
        var oldFence: VirtualIP.Fence?
        if case .atMostOne(let fence) = old.policy { oldFence = fence }
        let policy = policy ?? (oldFence == nil ? .atLeastOne : .atMostOne)
        if fence != nil, policy == .atLeastOne {
            throw InvalidVirtualIP(field: "fence", message: "only addresses with the policy at_most_one have one")
        }
        var new = try VirtualIP(
            address: old.address, interface: interface ?? old.interface,
            policy: policy == .atLeastOne ? .atLeastOne : .atMostOne(fence: fence ?? oldFence ?? .kernel))
        new.priority = priority ?? old.priority
        new.preemption = preemption ?? old.preemption
        new.followsServices = followsServices ?? old.followsServices
        new.checks = checks ?? old.checks
        return new
    }
}

extension VirtualIP {
    /// The name of its policy.
    public var policyName: VirtualIPPatch.Policy { policy == .atLeastOne ? .atLeastOne : .atMostOne }

    /// What keeps the promise of `at_most_one`; nil for another policy.
    public var fence: Fence? { if case .atMostOne(let fence) = policy { fence } else { nil } }
}
