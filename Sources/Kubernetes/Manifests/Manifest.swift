import JSON

/// The objects of a file: JSON or YAML, one or several documents, each an object or a list of objects.
struct Manifest: Hashable, Sendable {
    /// The objects that count, in order. Others are passed over.
    let objects: [ClusterObject]

    /// The most bytes of a file.
    static let largest = 64 << 20
    /// The most bytes of one in YAML, which takes many times as much memory.
    private static let largestYAML = 16 << 20

    /// Reads a text.
    ///
    /// - Throws: `invalidText`. An object with a field that is wrong is an invalid object, and no error.
    init(_ text: [UInt8], _ tokenizer: JSONTokenizer) throws(KubernetesError) {
        let first = text.first { !$0.isBlank }
        let isJSON = first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        if !isJSON, text.count > Self.largestYAML {
            throw KubernetesError(.invalidText, "it has more than \(Self.largestYAML) bytes of YAML: write it as JSON")
        }
        let documents = isJSON ? [text] : try YAMLText.documents(text)
        // A file that somebody begins to write anew is empty at first.
        if documents.isEmpty { throw KubernetesError(.invalidText, "it is empty: a file without objects has an empty list (items: [])") }
        var objects: [ClusterObject] = []
        for document in documents {
            objects += try tokenizer.read(document) { root throws(FieldError) in try Self.objects(root, kind: nil, version: nil) }
        }
        self.objects = objects
    }

    /// - Parameters:
    ///   - kind: of an object that does not say it, because the list that it is in does.
    ///   - version: likewise.
    static func objects(_ value: JSONValue, kind: String?, version: String?) throws(FieldError) -> [ClusterObject] {
        var objects: [ClusterObject] = []
        if value.isArray {
            for element in try value.list() { objects += try self.objects(element, kind: kind, version: version) }
            return objects
        }
        guard let name = try value.object().textField("kind") ?? kind else { throw value.wrong("has no kind") }
        let group = try value.textField("apiVersion") ?? version ?? ""
        if name.hasSuffix("List"), let items = try value.field("items")?.list() {
            let kind = name == "List" ? nil : String(name.dropLast(4))
            for item in items { objects += try self.objects(item, kind: kind, version: group) }
            return objects
        }
        // There are other things of the same name, such as the Service of Knative.
        guard let kind = ObjectKind(rawValue: name), kind.versions.contains(group) else { return [] }
        return [try ClusterObject(kind, value).inNamespace]
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}

extension ObjectKind {
    /// The versions of the API that objects are read of.
    fileprivate var versions: [String] {
        switch self {
        case .service, .node: ["v1"]
        case .endpointSlice: ["discovery.k8s.io/v1"]
        case .serviceRange: ["networking.k8s.io/v1", "networking.k8s.io/v1beta1"]
        }
    }
}

extension ClusterObject {
    /// The object, in the namespace that it is in where it does not say.
    fileprivate var inNamespace: ClusterObject {
        guard key.namespace.isEmpty else { return self }
        let key = ObjectKey(namespace: "default", name: self.key.name)
        switch self {
        case .service(var service):
            service.key = key
            return .service(service)
        case .endpointSlice(var slice):
            slice.key = key
            slice.service = slice.service.map { ObjectKey(namespace: "default", name: $0.name) }
            return .endpointSlice(slice)
        case .invalid(let kind, _, let reason) where kind == .service || kind == .endpointSlice:
            return .invalid(kind, key, reason: reason)
        case .node, .serviceRange, .invalid: return self
        }
    }
}
