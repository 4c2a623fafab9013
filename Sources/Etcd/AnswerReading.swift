import HostSystem
import JSON

// The JSON of answers. The gateway leaves out what is zero, false or empty, and spells numbers of 64 bits as strings.

/// An answer that is not what etcd answers: what is missing or wrong.
struct AnswerFault: Error {
    let reason: String
}

extension JSONValue {
    /// A member as a number; 0 where it is absent.
    func number(_ name: StaticString) throws(AnswerFault) -> Int {
        guard let value = self[name] else { return 0 }
        guard let number = value.integer else { throw AnswerFault(reason: "\(name) is not a number") }
        return number
    }

    /// A member as bytes; none where it is absent.
    func bytes(_ name: StaticString) throws(AnswerFault) -> [UInt8] {
        guard let value = self[name] else { return [] }
        guard let text = value.string, let bytes = Base64.decode(text) else { throw AnswerFault(reason: "\(name) is not base64") }
        return bytes
    }

    /// The elements of a member that is a list; none where it is absent.
    func list(_ name: StaticString) throws(AnswerFault) -> [JSONValue] {
        guard let value = self[name] else { return [] }
        guard value.isArray else { throw AnswerFault(reason: "\(name) is not a list") }
        return Array(value.elements)
    }

    /// The revision in the header, which every answer has.
    func revision() throws(AnswerFault) -> Int {
        guard let header = self["header"], header.isObject else { throw AnswerFault(reason: "it has no header") }
        return try header.number("revision")
    }

    func keyValue() throws(AnswerFault) -> EtcdKeyValue {
        guard isObject else { throw AnswerFault(reason: "a key with its value is not an object") }
        return EtcdKeyValue(
            keyBytes: try bytes("key"), value: try bytes("value"), createRevision: try number("create_revision"),
            modRevision: try number("mod_revision"), version: try number("version"))
    }

    func entries() throws(AnswerFault) -> [EtcdKeyValue] {
        var entries: [EtcdKeyValue] = []
        for entry in try list("kvs") { entries.append(try entry.keyValue()) }
        return entries
    }

    func snapshot() throws(AnswerFault) -> EtcdSnapshot {
        EtcdSnapshot(entries: try entries(), revision: try revision(), hasMore: flag("more"))
    }

    func transactionResult() throws(AnswerFault) -> EtcdTransactionResult {
        var results: [EtcdOperationResult] = []
        for response in try list("responses") {
            if let range = response["response_range"] {
                results.append(.entries(try range.entries()))
            } else if let deletion = response["response_delete_range"] {
                results.append(.deleted(try deletion.number("deleted")))
            } else if response["response_put"] != nil {
                results.append(.put)
            } else {
                throw AnswerFault(reason: "a response is of no kind that was asked for")
            }
        }
        return EtcdTransactionResult(succeeded: flag("succeeded"), revision: try revision(), results: results)
    }
}
