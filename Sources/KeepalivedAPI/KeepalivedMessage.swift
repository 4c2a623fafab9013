import Authorization
import JSON
import LBaaS
import Requests

/// A field of a request of go_keepalived's clients.
enum KeepalivedField: Int, FieldName {
    case command, digest, vip, port, proto, scheduler, quorum, hysteresis, timeout, check, meta, rip, realPort, weight, address, service

    /// `service` is what go_keepalived's own client sends with GetInfo, which has no use for it.
    static let table = FieldTable<KeepalivedField>([
        "Command", "Digest", "VIP", "Port", "Proto", "Scheduler", "Quorum", "Hysteresis", "Timeout", "Check", "Meta", "RIP", "RealPort",
        "Weight", "Address", "service",
    ])

    /// Its name in a request.
    var name: String { Self.table.all[rawValue] }
}

/// A request as it came: one flat object of strings.
struct KeepalivedMessage: Sendable {
    /// The most bytes of a request.
    static let longest = 16 << 10
    /// The most bytes of a value.
    private static let longestValue = 2048

    private let values: [String: String]

    /// Reads a request.
    ///
    /// - Throws: where it is not one flat object of strings, or has a field twice.
    init(_ body: [UInt8]) throws(Refusal) {
        guard let tokenizer = JSONTokenizer() else { throw Refusal(.busy, "the worker is out of memory; send it again later") }
        let result: Result<[String: String], Refusal>
        do throws(JSONTextError) {
            result = try unsafe tokenizer.withDocument(body.span.bytes) { document in Self.read(document.root) }
        } catch {
            throw Refusal(.invalid, "the request is not a JSON object of strings: \(error.reason)")
        }
        values = try result.get()
    }

    private static func read(_ root: JSONValue) -> Result<[String: String], Refusal> {
        guard root.isObject else { return .failure(Refusal(.invalid, "the request is not a JSON object of strings: it is an array")) }
        var values: [String: String] = [:]
        for (name, value) in root.members {
            let key = name.string ?? ""
            guard let text = value.string else {
                return .failure(Refusal(.invalid, "\(key.shortened): \(value.spelling.shortened) is not a string; all values are strings"))
            }
            if text.utf8.count > longestValue {
                return .failure(
                    Refusal(.invalid, "\(key.shortened): the value has \(text.utf8.count) bytes; it may have \(longestValue)"))
            }
            if values.updateValue(text, forKey: key) != nil {
                return .failure(Refusal(.invalid, "\(key.shortened): appears twice; which one is meant?"))
            }
        }
        return .success(values)
    }

    /// Refuses a request with a field that no command has: to pass it over could do another thing than was asked for.
    func checkFields() throws(Refusal) {
        let names = KeepalivedField.table.all
        guard let stranger = values.keys.filter({ !names.contains($0) }).min() else { return }
        throw Refusal(.invalid, "\(stranger.shortened): is no field of a request; the fields are \(names.joined(separator: ", "))")
    }

    /// A value; nil where it is absent.
    subscript(field: KeepalivedField) -> String? { values[field.name] }

    /// A value that must be there.
    func required(_ field: KeepalivedField, _ meaning: StaticString) throws(Refusal) -> String {
        guard let value = self[field] else { throw Refusal(.invalid, "\(field.name): is missing; it is \(meaning)") }
        return value
    }
}

// MARK: - The digest

extension KeepalivedMessage {
    /// The bytes that the digest is made of: all values but the digest, in the order of the bytes of their names, with nothing between.
    var signedText: [UInt8] {
        let names = values.keys.filter { $0 != KeepalivedField.digest.name }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return names.flatMap { Array((values[$0] ?? "").utf8) }
    }

    /// Refuses a request whose digest was not made with a password.
    func checkDigest(password: String) throws(Refusal) {
        let digest = try required(.digest, "the HMAC-SHA256 of the other values with keepalived_password, in hexadecimal")
        let code = MessageCode.sha256(of: signedText, key: Array(password.utf8))
        guard let given = [UInt8](hexadecimal: digest.utf8), MessageCode.areEqual(given, code) else {
            throw Refusal(.invalid, "Digest: it was not made of these values with keepalived_password")
        }
    }
}
