import JSON

/// A change of a key.
package enum EtcdChange: Hashable, Sendable {
    /// It was put.
    case put(EtcdKeyValue)
    /// It was deleted, in this revision.
    case deletion(key: String, revision: Int)

    /// The key.
    package var key: String {
        switch self {
        case .put(let entry): entry.key
        case .deletion(let key, _): key
        }
    }

    /// The revision of the change.
    package var revision: Int {
        switch self {
        case .put(let entry): entry.modRevision
        case .deletion(_, let revision): revision
        }
    }
}

/// A message of a watch stream.
enum WatchMessage {
    /// The watch is there. It is so without a leader too.
    case created(revision: Int)
    /// These changes, in order.
    case changes([EtcdChange], revision: Int)
    /// Nothing changed up to a revision.
    case progress(revision: Int)
    /// The watch is over, although the stream stays open: the revision was compacted where one is told.
    case cancelled(compactRevision: Int, reason: String)
    /// The stream is over.
    case failure(number: Int?, status: Int, words: String)

    init(_ root: JSONValue) throws(AnswerFault) {
        if let error = root["error"] {
            self = .failure(
                number: try error.number("grpc_code"), status: try error.number("http_code"),
                words: error.text("message") ?? error.string ?? "no reason is given")
            return
        }
        guard let result = root["result"], result.isObject else { throw AnswerFault(reason: "a message has no result") }
        let revision = try result.revision()
        if result.flag("canceled") {
            self = .cancelled(
                compactRevision: try result.number("compact_revision"), reason: result.text("cancel_reason") ?? "no reason is given")
        } else if result.flag("created") {
            self = .created(revision: revision)
        } else {
            var changes: [EtcdChange] = []
            for event in try result.list("events") { changes.append(try event.change()) }
            self = changes.isEmpty ? .progress(revision: revision) : .changes(changes, revision: revision)
        }
    }
}

extension JSONValue {
    fileprivate func change() throws(AnswerFault) -> EtcdChange {
        guard let entry = try self["kv"]?.keyValue() else { throw AnswerFault(reason: "an event has no key") }
        return text("type") == "DELETE" ? .deletion(key: entry.key, revision: entry.modRevision) : .put(entry)
    }
}
