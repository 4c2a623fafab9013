package import LBaaS
import LoadBalancerJSON

/// What the store has of the wanted state of a worker: one listener, or one virtual IP.
package enum WantedPart {
    /// A load balancer as an entry of `loadBalancers` in a job, with `suspended` where it is.
    package static func text(of loadBalancer: LoadBalancer) -> [UInt8] {
        StoredLoadBalancer.object(
            of: loadBalancer, members: { if loadBalancer.isSuspended { $0.append(",\"suspended\":true") } }, nodeMembers: { _, _ in })
    }

    /// A virtual IP as an entry of `virtualIPs` in a job.
    package static func text(of virtualIP: VirtualIP) -> [UInt8] { Array(StoredVirtualIP.text(of: virtualIP).utf8) }

    /// The part of a worker for a virtual IP; nil where the group has no interface for it, or it cannot be one.
    ///
    /// - Parameters:
    ///   - place: the place of the worker in its group.
    ///   - preferred: the place of the worker that is to have the address.
    ///   - takesBack: whether that one takes the address back when another has it.
    package static func virtualIP(
        _ address: IPAddress, in group: FleetGroup, place: Int, preferred: Int, takesBack: Bool
    ) -> VirtualIP? {
        guard let interface = group.interface, var virtualIP = try? VirtualIP(address: address, interface: interface) else { return nil }
        virtualIP.priority = place == preferred ? 150 : 100
        if takesBack { virtualIP.preemption = .after(.zero) }
        return virtualIP
    }
}
