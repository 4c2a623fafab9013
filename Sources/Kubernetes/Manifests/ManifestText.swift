import HTTPClient
import JSON
import LBaaS

/// Objects as a manifest, of which the same are read again: what a worker keeps over a restart. One that is invalid is left out.
///
/// Each object is on a line of its own, so that neither who writes nor who reads has all of the text in memory.
package enum ManifestText {
    private static let head = Array("{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[".utf8)
    private static let end = Array("]}".utf8)

    /// The objects of any manifest, all of them by kind.
    ///
    /// - Throws: `invalidText`, where it is none.
    package static func changes(_ text: [UInt8]) throws(KubernetesError) -> [ObjectChange] {
        guard let tokenizer = JSONTokenizer() else { throw KubernetesError(.exhausted, "there is no memory for a reader of JSON") }
        let objects = Dictionary(grouping: try Manifest(text, tokenizer).objects, by: \.kind)
        return ObjectKind.allCases.map { .replace($0, objects[$0] ?? []) }
    }

    /// Writes the objects of a table.
    ///
    /// - Parameters:
    ///   - size: about how many bytes a part of the text has.
    ///   - take: gets the parts in their order.
    /// - Throws: what `take` throws.
    package static func write<Failure>(
        _ table: ClusterTable, inPartsOf size: Int, to take: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        var part = head
        var isFirst = true
        try table.forEachObject { object throws(Failure) in
            guard let line = object.text else { return }
            part += (isFirst ? "\n" : ",\n").utf8
            isFirst = false
            part += line.utf8
            if part.count >= size {
                try take(part)
                part.removeAll(keepingCapacity: true)
            }
        }
        part.append(UInt8(ascii: "\n"))
        part += end
        part.append(UInt8(ascii: "\n"))
        try take(part)
    }

    /// Reads what was written of a table, part by part.
    package struct Reader {
        private enum Place { case head, objects, end }

        /// The most bytes of an object.
        private static let longestLine = 16 << 20

        private let tokenizer: JSONTokenizer
        private var lines = LineReader()
        private var text: [UInt8] = []
        private var place = Place.head

        /// A reader at the beginning of a text.
        package init() throws(KubernetesError) {
            guard let tokenizer = JSONTokenizer() else { throw KubernetesError(.exhausted, "there is no memory for a reader of JSON") }
            self.tokenizer = tokenizer
        }

        /// Reads a part of the text.
        ///
        /// - Parameter receive: gets the objects that are whole with it, in their order.
        /// - Throws: `invalidText`, where it was not written of a table.
        package mutating func read(_ part: some Sequence<UInt8>, _ receive: (ClusterObject) -> Void) throws(KubernetesError) {
            text += part
            for line in lines.lines(in: &text) { try read(line: line, receive) }
            if text.count > Self.longestLine { throw KubernetesError(.invalidText, "a line has more than \(Self.longestLine) bytes") }
        }

        /// Takes it that the text is over.
        ///
        /// - Throws: `invalidText`, where that is not so.
        package func end() throws(KubernetesError) {
            if place != .end || !text.isEmpty { throw KubernetesError(.invalidText, "its end is missing") }
        }

        private mutating func read(line: [UInt8], _ receive: (ClusterObject) -> Void) throws(KubernetesError) {
            switch place {
            case .head where line == ManifestText.head: place = .objects
            case .objects where line == ManifestText.end: place = .end
            case .objects:
                let object = line.last == UInt8(ascii: ",") ? line.dropLast() : line[...]
                let objects = try tokenizer.read(unsafe object.span.bytes) { root throws(FieldError) in
                    try Manifest.objects(root, kind: nil, version: nil)
                }
                objects.forEach(receive)
            case .head, .end: throw KubernetesError(.invalidText, "it was not written by a worker")
            }
        }
    }
}

private typealias Write = JSONWriting

extension ClusterObject {
    /// The object as Kubernetes writes it, as far as it is read; nil for one that is invalid.
    fileprivate var text: String? {
        switch self {
        case .service(let service): service.text
        // One of no service that is served has nothing that counts.
        case .endpointSlice(let slice): slice.service == nil ? nil : slice.text
        case .node(let node): node.text
        case .serviceRange(let range): range.text
        case .invalid: nil
        }
    }
}

/// The metadata of an object.
private func metadata(
    _ key: ObjectKey, created: String = "", labels: KeyValuePairs<StaticString, String?> = [:], annotations: String? = nil
) -> String {
    Write.object([
        "namespace": key.namespace.isEmpty ? nil : Write.string(key.namespace), "name": Write.string(key.name),
        "creationTimestamp": created.isEmpty ? nil : Write.string(created), "labels": Write.object(labels), "annotations": annotations,
    ])
}

private func texts(_ texts: some Sequence<some CustomStringConvertible>) -> String {
    Write.list(texts.map { Write.string($0.description) })
}

extension Transport {
    /// Its name in objects.
    fileprivate var name: String { Write.string(rawValue.uppercased()) }
}

extension ClusterService {
    fileprivate var text: String {
        let labels: KeyValuePairs<StaticString, String?> = [
            "service.kubernetes.io/service-proxy-name": proxyName.isEmpty ? nil : Write.string(proxyName)
        ]
        let annotations = Write.object([
            "swift-lbaas.org/scheduler": scheduler.map(Write.string), "kube-router.io/service.schedflags": schedulerFlags.map(Write.string),
        ])
        let affinity = affinity.map { Write.object(["clientIP": Write.object(["timeoutSeconds": "\($0)"])]) }
        let spec = Write.object([
            "type": Write.string(kind.rawValue), "clusterIP": isHeadless ? "\"None\"" : nil,
            "clusterIPs": isHeadless ? nil : texts(clusterAddresses), "ports": Write.list(ports.map(\.text)),
            "externalIPs": texts(externalAddresses),
            "loadBalancerSourceRanges": sourceRanges.map { texts($0.isEmpty ? ["-"] : $0.map(\.description)) },
            "internalTrafficPolicy": Write.string(internalPolicy.rawValue), "externalTrafficPolicy": Write.string(externalPolicy.rawValue),
            "sessionAffinity": affinity == nil ? nil : "\"ClientIP\"", "sessionAffinityConfig": affinity,
            "healthCheckNodePort": healthCheckPort.map { "\($0)" },
        ])
        let ingress = Write.list(balancerAddresses.map { Write.object(["ip": Write.string($0.description)]) })
        return Write.object([
            "kind": "\"Service\"", "apiVersion": "\"v1\"",
            "metadata": metadata(key, created: created, labels: labels, annotations: annotations), "spec": spec,
            "status": Write.object(["loadBalancer": Write.object(["ingress": ingress])]),
        ])
    }
}

extension ClusterService.Port {
    fileprivate var text: String {
        Write.object([
            "name": name.isEmpty ? nil : Write.string(name), "protocol": transport.name, "port": "\(port)",
            "nodePort": nodePort.map { "\($0)" },
        ])
    }
}

extension EndpointSlice {
    fileprivate var text: String {
        let labels: KeyValuePairs<StaticString, String?> = [
            "kubernetes.io/service-name": service.map { Write.string($0.name) },
            "service.kubernetes.io/service-proxy-name": proxyName.isEmpty ? nil : Write.string(proxyName),
        ]
        let isV6 = endpoints.first.map { $0.address.bitCount == 128 } ?? false
        let ports = ports.map { port in
            Write.object([
                "name": port.name.isEmpty ? nil : Write.string(port.name), "protocol": port.transport.name, "port": "\(port.port)",
            ])
        }
        return Write.object([
            "kind": "\"EndpointSlice\"", "apiVersion": "\"discovery.k8s.io/v1\"", "metadata": metadata(key, labels: labels),
            "addressType": isV6 ? "\"IPv6\"" : "\"IPv4\"", "ports": Write.list(ports), "endpoints": Write.list(endpoints.map(\.text)),
        ])
    }
}

extension EndpointSlice.Endpoint {
    fileprivate var text: String {
        func named(_ names: [String]) -> String? {
            names.isEmpty ? nil : Write.list(names.map { Write.object(["name": Write.string($0)]) })
        }
        let hints = Write.object(["forZones": named(zones), "forNodes": named(nodes)])
        return Write.object([
            "addresses": texts([address]), "nodeName": nodeName.map(Write.string),
            "conditions": Write.object(["ready": "\(isReady)", "serving": "\(isServing)", "terminating": "\(isTerminating)"]),
            "hints": zones.isEmpty && nodes.isEmpty ? nil : hints,
        ])
    }
}

extension ClusterNode {
    fileprivate var text: String {
        let addresses = internalAddresses.map { Write.object(["type": "\"InternalIP\"", "address": Write.string($0.description)]) }
        return Write.object([
            "kind": "\"Node\"", "apiVersion": "\"v1\"",
            "metadata": metadata(ObjectKey(name: name), labels: ["topology.kubernetes.io/zone": zone.map(Write.string)]),
            "spec": Write.object([
                "podCIDRs": texts(podRanges),
                "taints": isLeaving ? Write.list([Write.object(["key": Write.string("\(Self.deletionTaint)")])]) : nil,
            ]), "status": Write.object(["addresses": Write.list(addresses)]),
        ])
    }
}

extension ServiceRange {
    fileprivate var text: String {
        Write.object([
            "kind": "\"ServiceCIDR\"", "apiVersion": "\"networking.k8s.io/v1\"", "metadata": metadata(ObjectKey(name: name)),
            "spec": Write.object(["cidrs": texts(ranges)]),
        ])
    }
}
