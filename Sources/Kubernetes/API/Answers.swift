import JSON

/// One page of a list.
package struct ListPage: Hashable, Sendable {
    /// The version that the list is of. To be compared for equality only.
    package var version: String
    /// What the next page is asked for with; nil where this is the last.
    package var continuing: String?
    /// Its objects.
    package var objects: [ClusterObject]

    /// A page.
    package init(version: String, continuing: String? = nil, objects: [ClusterObject]) {
        (self.version, self.continuing, self.objects) = (version, continuing, objects)
    }
}

/// One line of a watch.
package enum WatchLine: Hashable, Sendable {
    /// An object is new, or is this now.
    case put(ClusterObject, version: String)
    /// An object is gone.
    case delete(ObjectKey, version: String)
    /// Nothing happened up to a version.
    case bookmark(version: String)
    /// The watch is over.
    case refusal(Refusal)
}

/// Why an API server does not do what it was asked for: a Status.
package struct Refusal: Hashable, Sendable {
    /// The status as in HTTP, whether it came as that or in a watch.
    package var status: Int
    /// The server's words.
    package var message: String
    /// How long it wants to be left alone, in seconds; nil where it does not say.
    package var retryAfter: Int?

    /// A refusal.
    package init(status: Int, message: String, retryAfter: Int? = nil) {
        (self.status, self.message, self.retryAfter) = (status, message, retryAfter)
    }
}

extension JSONTokenizer {
    /// Reads a page of a list.
    func page(_ text: [UInt8], of kind: ObjectKind) throws(KubernetesError) -> ListPage {
        try read(text) { root throws(FieldError) in
            guard try root.object().textField("kind") == "\(kind.rawValue)List" else { throw root.wrong("is no \(kind.rawValue)List") }
            let metadata = try root.objectField("metadata")
            guard let version = try metadata?.textField("resourceVersion"), !version.isEmpty else { throw root.wrong("has no version") }
            let continuing = try metadata?.textField("continue", most: 1 << 16)
            var objects: [ClusterObject] = []
            if let items = try root.field("items")?.list() {
                for item in items { objects.append(try ClusterObject(kind, item)) }
            }
            return ListPage(version: version, continuing: continuing == "" ? nil : continuing, objects: objects)
        }
    }

    /// Reads a line of a watch.
    func line(_ text: [UInt8], of kind: ObjectKind) throws(KubernetesError) -> WatchLine {
        try read(text) { root throws(FieldError) in
            guard let type = try root.object().textField("type"), let object = try root.objectField("object") else {
                throw root.wrong("is no event of a watch")
            }
            if type == "ERROR" { return .refusal(try Refusal(object, status: 500)) }
            guard try object.textField("kind") == kind.rawValue else { throw object.wrong("is no \(kind.rawValue)") }
            guard let version = try object.objectField("metadata")?.textField("resourceVersion"), !version.isEmpty else {
                throw object.wrong("has no version")
            }
            switch type {
            case "ADDED", "MODIFIED": return .put(try ClusterObject(kind, object), version: version)
            case "DELETED": return .delete(try ObjectMetadata(object).key, version: version)
            case "BOOKMARK": return .bookmark(version: version)
            default: throw root.wrong("is an event of an unknown type")
            }
        }
    }

    /// Reads why a request was refused. What is no Status is taken as words.
    func refusal(_ text: [UInt8], status: Int) -> Refusal {
        if let refusal = try? read(text, { root throws(FieldError) in try Refusal(root.object(), status: status) }) { return refusal }
        let words = String(decoding: text.prefix(200).map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
        return Refusal(status: status, message: words)
    }

    /// Reads a text.
    func read<Value>(_ text: [UInt8], _ body: (JSONValue) throws(FieldError) -> Value) throws(KubernetesError) -> Value {
        try read(unsafe text.span.bytes, body)
    }

    /// Reads a text.
    func read<Value>(_ text: RawSpan, _ body: (JSONValue) throws(FieldError) -> Value) throws(KubernetesError) -> Value {
        let outcome: Result<Value, FieldError>
        do throws(JSONTextError) {
            outcome = try withDocument(text) { document -> Result<Value, FieldError> in
                do throws(FieldError) { return .success(try body(document.root)) } catch { return .failure(error) }
            }
        } catch {
            throw KubernetesError(.invalidText, "\(error.reason), at byte \(error.offset)")
        }
        switch outcome {
        case .success(let value): return value
        case .failure(let error): throw KubernetesError(.invalidText, error.sentence)
        }
    }
}

extension Refusal {
    fileprivate init(_ object: JSONValue, status: Int) throws(FieldError) {
        self.init(
            status: object.field("code")?.integer ?? status, message: (object.field("message")?.string ?? "").shortened,
            retryAfter: try object.objectField("details")?.field("retryAfterSeconds")?.integer)
    }
}
