import JSON
import LBaaS

extension ClusterService {
    /// Reads a Service.
    init(_ object: JSONValue, _ metadata: ObjectMetadata) throws(FieldError) {
        self.init(key: metadata.key)
        created = try metadata.created()
        proxyName = try metadata.proxyName()
        let foreignScheduler = try metadata.annotation("kube-router.io/service.scheduler")
        scheduler = try metadata.annotation("swift-lbaas.org/scheduler") ?? foreignScheduler
        schedulerFlags = try metadata.annotation("kube-router.io/service.schedflags")
        guard let spec = try object.objectField("spec") else { throw object.wrong("has no spec") }
        kind = try spec.choiceField("type", "a type of services") ?? .clusterIP
        internalPolicy = try spec.choiceField("internalTrafficPolicy", "a traffic policy") ?? .cluster
        externalPolicy = try spec.choiceField("externalTrafficPolicy", "a traffic policy") ?? .cluster
        isHeadless = spec.field("clusterIP")?.string == "None"
        clusterAddresses = try Self.clusterAddresses(spec)
        affinity = try Self.affinity(spec)
        healthCheckPort = try spec.portField("healthCheckNodePort")
        try readPorts(spec)
        externalAddresses = addresses(try spec.listField("externalIPs", most: ObjectLimits.addresses))
        try readSourceRanges(spec)
        if kind == .loadBalancer { try readBalancer(object) }
    }

    private static func clusterAddresses(_ spec: JSONValue) throws(FieldError) -> [IPAddress] {
        var values = try spec.listField("clusterIPs", most: 2)
        // A manifest may have the older field alone.
        if values.isEmpty, let value = spec.field("clusterIP") { values = [value] }
        var addresses: [IPAddress] = []
        for value in values where value.string != "None" && value.string != "" {
            guard let address = value.string.flatMap({ IPAddress($0) }) else { throw value.wrong("is not an IP address") }
            if addresses.contains(where: { $0.hasFamily(of: address) }) { throw value.wrong("is of the same family as the one before") }
            addresses.append(address)
        }
        return addresses
    }

    private enum Affinity: String, CaseIterable {
        case off = "None"
        case clientIP = "ClientIP"
    }

    private static func affinity(_ spec: JSONValue) throws(FieldError) -> UInt32? {
        let affinity: Affinity? = try spec.choiceField("sessionAffinity", "a session affinity")
        guard affinity == .clientIP else { return nil }
        let config = try spec.objectField("sessionAffinityConfig")?.objectField("clientIP")
        // A day is Kubernetes' limit, and three hours its default.
        return UInt32(try config?.field("timeoutSeconds")?.integer("a number of seconds", 1...86_400) ?? 10_800)
    }

    private mutating func readPorts(_ spec: JSONValue) throws(FieldError) {
        for value in try spec.listField("ports", most: ObjectLimits.ports) {
            _ = try value.object()
            guard let number = try value.portField("port") else { throw value.wrong("has no port") }
            let name = try value.textField("name") ?? ""
            let nodePort = try value.portField("nodePort")
            guard let transport = value.transport else {
                faults.append(value.wrong("has a protocol that is not served (TCP, UDP, SCTP are)").sentence)
                continue
            }
            if ports.contains(where: { $0.name == name && $0.transport == transport }) {
                throw value.wrong("has the name of another port")
            }
            ports.append(Port(name: name, transport: transport, port: number, nodePort: nodePort))
        }
    }

    private mutating func readSourceRanges(_ spec: JSONValue) throws(FieldError) {
        let values = try spec.listField("loadBalancerSourceRanges", most: ObjectLimits.addresses)
        // Where none of them can be read, nobody may come in: the service is not open to all.
        for value in values {
            var ranges = sourceRanges ?? []
            // Kubernetes allows blanks around a range, and nowhere in it.
            let words = value.string?.split(separator: " ") ?? []
            if words.count == 1, let range = AddressRange(words[0]) {
                ranges.append(range)
            } else {
                faults.append(value.wrong("is not a range of addresses (ADDRESS/LENGTH)").sentence)
            }
            sourceRanges = ranges
        }
    }

    private mutating func readBalancer(_ object: JSONValue) throws(FieldError) {
        let status = try object.objectField("status")?.objectField("loadBalancer")
        let ingress = try status?.listField("ingress", most: ObjectLimits.addresses) ?? []
        // With another mode than VIP, the load balancer has rewritten the destination when a packet arrives.
        balancerAddresses = addresses(
            ingress.filter { ($0.field("ipMode")?.string ?? "VIP") == "VIP" }.compactMap { $0.field("ip") }.filter { $0.string != "" })
    }

    /// The addresses of a list, each once. What is none is a fault of the service.
    private mutating func addresses(_ values: [JSONValue]) -> [IPAddress] {
        var found: [IPAddress] = []
        for value in values {
            guard let address = value.string.flatMap({ IPAddress($0) }) else {
                faults.append(value.wrong("is not an IP address").sentence)
                continue
            }
            if !found.contains(address) { found.append(address) }
        }
        return found
    }
}
