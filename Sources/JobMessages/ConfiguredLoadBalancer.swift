public import LBaaS

/// Reads load balancers as a configuration file has them: the fields of a job, each with a text, those of an object with a dot in their
/// names. `nodes` is the list as a job has it; `true`, `false` and `null` are what they are in JSON; any other text is a string.
public struct ConfiguredLoadBalancerReader {
    /// Why fields are no load balancer.
    public struct Complaint: Error, Sendable {
        /// The field at fault, or what holds it; something else where the sentence is about the whole.
        public let field: String
        /// What is wrong, with the field.
        public let sentence: String
    }

    /// A field with its text.
    public typealias Field = (name: String, text: String)

    /// The names of the fields that there may be.
    public static let fields = LoadBalancerFields.keys

    private let tokenizer: JSONTokenizer
    private let reader: StoredLoadBalancerReader

    /// A reader; nil where there is no memory for one.
    public init?() {
        guard let tokenizer = JSONTokenizer(), let reader = StoredLoadBalancerReader() else { return nil }
        self.tokenizer = tokenizer
        self.reader = reader
    }

    /// The load balancer of this identity with these fields, which are among those that there may be.
    ///
    /// - Throws: why it is none. Unlike in a job, a field of a node that nobody knows is a mistake.
    public func loadBalancer(id: String, _ fields: [Field]) throws(Complaint) -> LoadBalancer {
        for (name, text) in fields where name == "nodes" { try check(nodes: text) }
        do throws(StoredLoadBalancerReader.Damage) {
            return try reader.loadBalancer(from: Array("[\(Self.json(id: id, fields))]".utf8))
        } catch {
            let sentence = error.reason.replacing(#/^(loadBalancers)?\[0\](\.|: )?/#, with: "")
            throw Complaint(field: Self.field(of: sentence), sentence: sentence)
        }
    }

    /// Checks the one text that is JSON of its own.
    private func check(nodes text: String) throws(Complaint) {
        let bytes = Array(text.utf8)
        let sentence: String?
        do throws(JSONTextError) {
            sentence = try tokenizer.withDocument(unsafe bytes.span.bytes) { document in
                guard document.root.isArray else { return "nodes: is not a list" }
                for element in document.root.elements where element.isObject {
                    if let complaint = NodeFields.complaint(about: element) { return "nodes\(complaint)" }
                }
                return nil
            }
        } catch {
            sentence = "nodes: is not a list in JSON: \(error.reason), about at byte \(error.offset)"
        }
        if let sentence { throw Complaint(field: "nodes", sentence: sentence) }
    }

    /// The load balancer as a job has it.
    private static func json(id: String, _ fields: [Field]) -> String {
        var members = ["\"id\": \(JSONWriting.string(id))"]
        var objects: [String: [String]] = [:]
        for (name, text) in fields {
            if let dot = name.firstIndex(of: ".") {
                objects[String(name[..<dot]), default: []].append(member(String(name[name.index(after: dot)...]), text))
            } else {
                members.append(name == "nodes" ? "\"nodes\": \(text)" : member(name, text))
            }
        }
        for (name, fields) in objects { members.append("\(JSONWriting.string(name)): {\(fields.joined(separator: ", "))}") }
        return "{\(members.joined(separator: ", "))}"
    }

    private static func member(_ name: String, _ text: String) -> String {
        let value = ["true", "false", "null"].contains(text) ? text : JSONWriting.string(text)
        return "\(JSONWriting.string(name)): \(value)"
    }

    /// The field that a sentence is about.
    private static func field(of sentence: String) -> String {
        // The original's words about a node begin without its place.
        sentence.hasPrefix("Failure adding server") ? "nodes" : String(sentence.prefix { $0 != ":" && $0 != "[" })
    }
}
