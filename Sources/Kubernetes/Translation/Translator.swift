import LBaaS

/// Works out what one service comes to on this host. Pure: the same objects give the same result, in whatever order they came.
struct Translator {
    let surroundings: Surroundings

    /// What a service comes to, with the slices that name it.
    func translate(_ service: ClusterService, _ slices: [EndpointSlice]) -> TranslatedService {
        var result = TranslatedService()
        let options = surroundings.options
        guard service.kind != .externalName, !service.isHeadless, service.proxyName == options.proxyName else { return result }
        result.faults = service.faults
        if service.clusterAddresses.isEmpty { result.faults.append("spec.clusterIP: is missing; nothing here allocates one") }
        let scheduling = scheduling(of: service, &result.faults)
        let external = externalAddresses(of: service, &result.faults)
        let slices = slices.filter { $0.proxyName == options.proxyName }
        var listeners: Set<Listener> = []
        // In the half of each family all is of that family: addresses, endpoints and ranges.
        for clusterAddress in service.clusterAddresses {
            let half = Half(
                service: service, clusterAddress: clusterAddress, surroundings: surroundings, scheduling: scheduling,
                external: external.filter { $0.address.hasFamily(of: clusterAddress) })
            var ready: Set<IPAddress> = []
            for port in service.ports {
                let choice = EndpointChoice(port, of: slices, among: clusterAddress, in: surroundings)
                for virtualService in half.virtualServices(port, choice) where listeners.insert(virtualService.listener).inserted {
                    result.virtualServices.append(virtualService)
                }
                for endpoint in choice.all where endpoint.isLocal {
                    result.hairpins.insert(endpoint.address)
                    if endpoint.isReady { ready.insert(endpoint.address) }
                }
            }
            guard service.kind == .loadBalancer, service.externalPolicy == .local, let port = service.healthCheckPort else { continue }
            // A pod with an address of each family is one endpoint.
            let count = max(ready.count, result.healthPort?.localEndpoints ?? 0)
            result.healthPort = HealthPort(service: service.key, port: port, localEndpoints: count)
        }
        return result
    }

    private func scheduling(of service: ClusterService, _ faults: inout [String]) -> Scheduling {
        var scheduling = surroundings.options.scheduling
        if let name = service.scheduler {
            if let own = Scheduling(name) {
                scheduling = own
            } else {
                faults.append("the scheduler '\(name)' is not served; rr, lc, sh, mh, sed and nq are")
            }
        }
        // As kube-router writes them: `sh-port,sh-fallback`.
        let flags = service.schedulerFlags?.split(separator: ",") ?? []
        if flags.contains(where: { ["sh-port", "mh-port", "flag-2"].contains($0) }) { scheduling.hashesPort = true }
        return scheduling
    }

    /// The addresses besides the cluster's own, without those that this host must not take.
    private func externalAddresses(
        of service: ClusterService, _ faults: inout [String]
    ) -> [(address: IPAddress, role: VirtualService.Role)] {
        let all =
            service.balancerAddresses.map { (address: $0, role: VirtualService.Role.balancer) }
            + service.externalAddresses.map { (address: $0, role: VirtualService.Role.external) }
        var addresses: [(address: IPAddress, role: VirtualService.Role)] = []
        for (address, role) in all {
            if let refusal = surroundings.refusal(of: address) {
                faults.append(refusal)
            } else {
                addresses.append((address, role))
            }
        }
        return addresses
    }
}

/// The half of a service that is of one family.
private struct Half {
    let service: ClusterService
    let clusterAddress: IPAddress
    let surroundings: Surroundings
    let scheduling: Scheduling
    let external: [(address: IPAddress, role: VirtualService.Role)]

    /// Everything that a port is reached at.
    func virtualServices(_ port: ClusterService.Port, _ choice: EndpointChoice) -> [VirtualService] {
        var all = [internalService(port, choice)]
        for (address, role) in external { all.append(externalService(address, port.port, role, port.transport, choice)) }
        if let nodePort = port.nodePort {
            for address in surroundings.nodePortAddresses where address.hasFamily(of: clusterAddress) {
                all.append(externalService(address, nodePort, .nodePort, port.transport, choice))
            }
        }
        return all
    }

    private func virtualService(
        _ address: IPAddress, _ port: UInt16, _ role: VirtualService.Role, _ transport: Transport, _ policy: ClusterService.TrafficPolicy,
        _ choice: EndpointChoice
    ) -> VirtualService {
        var result = VirtualService(
            owner: service.key, role: role, listener: Listener(address: address, port: port, transport: transport),
            scheduling: scheduling, persistence: service.affinity)
        result.servers = choice.servers(policy)
        result.isBlackhole = choice.isBlackhole(policy)
        return result
    }

    private func internalService(_ port: ClusterService.Port, _ choice: EndpointChoice) -> VirtualService {
        var result = virtualService(clusterAddress, port.port, .cluster, port.transport, service.internalPolicy, choice)
        // Where nobody knows which clients are pods, all of them keep their address.
        result.masquerade =
            surroundings.options.masqueradesAll ? .all : surroundings.knowsPods(like: clusterAddress) ? .outsiders : .nobody
        result.needsAddress =
            surroundings.options.needsEachAddress || !surroundings.serviceRanges.contains { $0.contains(clusterAddress) }
        return result
    }

    private func externalService(
        _ address: IPAddress, _ port: UInt16, _ role: VirtualService.Role, _ transport: Transport, _ choice: EndpointChoice
    ) -> VirtualService {
        var result = virtualService(address, port, role, transport, service.externalPolicy, choice)
        switch service.externalPolicy {
        // The endpoint may be on another node, and must answer through this one.
        case .cluster: result.masquerade = .all
        // Pods and nodes are not outside: they reach the service wherever its endpoints are.
        case .local: result.insideServers = choice.cluster == choice.local ? nil : choice.cluster
        }
        result.needsAddress = role != .nodePort && !surroundings.ownAddresses.contains(address)
        if role == .balancer, let ranges = service.sourceRanges, !ranges.contains(where: { $0.length == 0 && $0.contains(address) }) {
            result.sourceRanges = ranges.filter { $0.first.hasFamily(of: address) }
        }
        return result
    }
}
