import Coordination
import LBaaS
import ServiceSettings
import Synchronization
import VirtualIPs
import WorkerMetrics

extension VirtualIPService {
    /// What is known of the virtual IPs, as it is measured; nil where there are none.
    var metrics: VirtualIPMetrics? {
        let statuses = room.withLock(\.self)?.statuses ?? []
        if statuses.isEmpty { return nil }
        let owned = Set(coordination.report().filter(\.isOwned).map(\.name))
        let addresses = statuses.map { status in
            let address = status.virtualIP.address.description
            return VirtualIPMetrics.Address(
                address: address, interface: status.virtualIP.interface, state: status.state.rawValue, isBound: status.isBound,
                isOwned: owned.contains(address), announcements: status.announcements, rivalFrames: status.rivalFrames)
        }
        return VirtualIPMetrics(
            isConnected: problem == nil, states: VirtualIPState.allCases.map(\.rawValue), addresses: addresses)
    }

    /// Why it cannot be judged who owns the virtual IPs; nil where it can, or there are none.
    var problem: String? {
        let (hasSome, isConnected) = state.withLock { (!$0.wanted.isEmpty, $0.isConnected) }
        if cluster.endpoints.isEmpty || !hasSome || isConnected { return nil }
        return "etcd cannot be reached, so it is not known which host owns the virtual IPs"
    }
}
