import JSON
import LBaaS

extension EndpointSlice {
    private enum AddressType: String, CaseIterable {
        case v4 = "IPv4"
        case v6 = "IPv6"
        case name = "FQDN"
    }

    /// Reads an EndpointSlice.
    init(_ object: JSONValue, _ metadata: ObjectMetadata) throws(FieldError) {
        self.init(key: metadata.key)
        proxyName = try metadata.proxyName()
        let name = try metadata.label("kubernetes.io/service-name")
        if let name, !name.isEmpty, try metadata.label("service.kubernetes.io/headless") == nil {
            service = ObjectKey(namespace: key.namespace, name: name)
        }
        triggerTime = try metadata.annotation("endpoints.kubernetes.io/last-change-trigger-time")
        guard let type: AddressType = try object.choiceField("addressType", "a type of addresses") else {
            throw object.wrong("has no addressType")
        }
        if service == nil || type == .name { return }
        for value in try object.listField("ports", most: ObjectLimits.ports) {
            _ = try value.object()
            // Without a number it stands for all ports, which is nothing for a proxy.
            guard let number = try value.portField("port"), let transport = value.transport else { continue }
            ports.append(Port(name: try value.textField("name") ?? "", transport: transport, port: number))
        }
        let values = try object.listField("endpoints", most: ObjectLimits.endpoints)
        endpoints.reserveCapacity(values.count)
        for value in values { endpoints.append(try Endpoint(value, isV6: type == .v6)) }
    }
}

extension EndpointSlice.Endpoint {
    fileprivate init(_ value: JSONValue, isV6: Bool) throws(FieldError) {
        // The first address alone counts: all of them are the same endpoint.
        guard let first = try value.object().listField("addresses", most: 100).first else { throw value.wrong("has no addresses") }
        guard let address = first.string.flatMap({ IPAddress($0) }), (address.bitCount == 128) == isV6 else {
            throw first.wrong("is not an IP\(isV6 ? "v6" : "v4") address")
        }
        self.address = address
        nodeName = try value.textField("nodeName")
        if let conditions = try value.objectField("conditions") {
            isReady = try conditions.booleanField("ready") ?? true
            isServing = try conditions.booleanField("serving") ?? isReady
            isTerminating = try conditions.booleanField("terminating") ?? false
        }
        guard let hints = try value.objectField("hints") else { return }
        for hint in try hints.listField("forZones", most: ObjectLimits.hints) { zones.append(try hint.textField("name") ?? "") }
        for hint in try hints.listField("forNodes", most: ObjectLimits.hints) { nodes.append(try hint.textField("name") ?? "") }
    }
}

extension ClusterNode {
    /// The taint by which the cluster autoscaler marks a Node that it is about to delete.
    static let deletionTaint: StaticString = "ToBeDeletedByClusterAutoscaler"

    /// Reads a Node.
    init(_ object: JSONValue, _ metadata: ObjectMetadata) throws(FieldError) {
        self.init(name: metadata.key.name)
        zone = try metadata.label("topology.kubernetes.io/zone")
        let spec = try object.objectField("spec")
        let isTainted = try spec?.hasTaint(Self.deletionTaint) ?? false
        isLeaving = metadata.isBeingDeleted || isTainted
        podRanges = try spec?.ranges("podCIDRs") ?? []
        // A manifest may have the older field alone.
        if podRanges.isEmpty, let range = try spec?.textField("podCIDR").flatMap({ AddressRange($0) }) { podRanges = [range] }
        for value in try object.objectField("status")?.listField("addresses", most: ObjectLimits.addresses) ?? [] {
            guard try value.object().textField("type") == "InternalIP", let address = value.field("address") else { continue }
            guard let found = address.string.flatMap({ IPAddress($0) }) else { throw address.wrong("is not an IP address") }
            internalAddresses.append(found)
        }
    }
}

extension ServiceRange {
    /// Reads a ServiceCIDR.
    init(_ object: JSONValue, _ metadata: ObjectMetadata) throws(FieldError) {
        self.init(name: metadata.key.name)
        ranges = try object.objectField("spec")?.ranges("cidrs") ?? []
    }
}

extension JSONValue {
    /// Whether the spec of a Node has a taint of this key, with whatever effect.
    fileprivate func hasTaint(_ key: StaticString) throws(FieldError) -> Bool {
        for taint in try listField("taints", most: 1000) where try taint.object().field("key")?.equals(key) ?? false { return true }
        return false
    }

    fileprivate func ranges(_ name: StaticString) throws(FieldError) -> [AddressRange] {
        var ranges: [AddressRange] = []
        for value in try listField(name, most: 100) {
            guard let range = value.string.flatMap({ AddressRange($0) }) else { throw value.wrong("is not a range of addresses") }
            ranges.append(range)
        }
        return ranges
    }
}
