/// What is asked for of the objects of one kind.
struct ResourceRequest: Hashable, Sendable {
    /// The path, and a query that selects among them, with a `?` or `&` at the end.
    private let target: String

    /// How many objects a page has. A page of large slices is some megabytes.
    private static let page = 500

    /// - Parameters:
    ///   - proxyName: the label of services and slices; empty for those without it.
    ///   - nodeName: the node; empty for all of them.
    init(_ kind: ObjectKind, proxyName: String, nodeName: String) {
        let label = "service.kubernetes.io/service-proxy-name"
        let mine = proxyName.isEmpty ? "!\(label)" : "\(label)=\(proxyName)"
        switch kind {
        case .service: target = "/api/v1/services?labelSelector=\(Self.encode(mine))&"
        case .endpointSlice:
            let selector = Self.encode("\(mine),!service.kubernetes.io/headless")
            target = "/apis/discovery.k8s.io/v1/endpointslices?labelSelector=\(selector)&"
        case .node:
            target = "/api/v1/nodes?" + (nodeName.isEmpty ? "" : "fieldSelector=\(Self.encode("metadata.name=\(nodeName)"))&")
        case .serviceRange: target = "/apis/networking.k8s.io/v1/servicecidrs?"
        }
    }

    /// A page of the list.
    ///
    /// - Parameter token: what the page before said; nil for the first.
    func list(continuing token: String?) -> String {
        target + "limit=\(Self.page)" + (token.map { "&continue=\(Self.encode($0))" } ?? "")
    }

    /// What happens after a version.
    func watch(after version: String, seconds: Int) -> String {
        target + "watch=true&resourceVersion=\(Self.encode(version))&allowWatchBookmarks=true&timeoutSeconds=\(seconds)"
    }

    private static func encode(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}
