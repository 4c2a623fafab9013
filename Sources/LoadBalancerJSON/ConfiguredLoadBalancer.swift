import JSON
public import LBaaS

/// Reads load balancers as a configuration file has them: the fields of a job, each with a text, those of an object with a dot in their
/// names. `nodes` and `monitor.command` are lists as a job has them; `true`, `false` and `null` are what they are in JSON; any other text is a string.
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

    /// The fields whose text is JSON of its own.
    private static let lists: Set<String> = ["nodes", "monitor.command"]

    private let tokenizer: JSONTokenizer
    private let reader: StoredLoadBalancerReader

    /// A reader; nil where there is no memory for one.
    public init?() {
        guard let tokenizer = JSONTokenizer(), let reader = StoredLoadBalancerReader(limits: .standard) else { return nil }
        self.tokenizer = tokenizer
        self.reader = reader
    }

    /// The load balancer of this identity with these fields, which are among those that there may be.
    ///
    /// - Throws: why it is none. Unlike in a job, a field of a node that nobody knows is a mistake.
    public func loadBalancer(id: String, _ fields: [Field]) throws(Complaint) -> LoadBalancer {
        for (name, text) in fields where Self.lists.contains(name) { try check(text, of: name) }
        do throws(StoredLoadBalancerReader.Damage) {
            return try reader.loadBalancer(from: Array("[\(Self.json(id: id, fields))]".utf8))
        } catch {
            let sentence = error.reason.replacing(#/^(loadBalancers)?\[0\](\.|: )?/#, with: "")
            throw Complaint(field: Self.field(of: sentence), sentence: sentence)
        }
    }

    /// Checks that a text is one list, and that nodes have known fields alone.
    private func check(_ text: String, of name: String) throws(Complaint) {
        let bytes = Array(text.utf8)
        let sentence: String?
        do throws(JSONTextError) {
            sentence = try tokenizer.withDocument(unsafe bytes.span.bytes) { document in
                guard document.root.isArray else { return "\(name): is not a list" }
                for element in document.root.elements where name == "nodes" && element.isObject {
                    if let complaint = NodeFields.complaint(about: element) { return "nodes\(complaint)" }
                }
                return nil
            }
        } catch {
            sentence = "\(name): is not a list in JSON: \(error.reason), about at byte \(error.offset)"
        }
        if let sentence { throw Complaint(field: name, sentence: sentence) }
    }

    /// The load balancer as a job has it.
    private static func json(id: String, _ fields: [Field]) -> String {
        var members = ["\"id\": \(JSONWriting.string(id))"]
        var objects: [String: [String]] = [:]
        for (name, text) in fields {
            let value = lists.contains(name) || ["true", "false", "null"].contains(text) ? text : JSONWriting.string(text)
            if let dot = name.firstIndex(of: ".") {
                objects[String(name[..<dot]), default: []].append(member(String(name[name.index(after: dot)...]), value))
            } else {
                members.append(member(name, value))
            }
        }
        for (name, fields) in objects { members.append("\(JSONWriting.string(name)): {\(fields.joined(separator: ", "))}") }
        return "{\(members.joined(separator: ", "))}"
    }

    private static func member(_ name: String, _ value: String) -> String { "\(JSONWriting.string(name)): \(value)" }

    /// The field that a sentence is about.
    private static func field(of sentence: String) -> String {
        // The original's words about a node begin without its place.
        sentence.hasPrefix("Failure adding server") ? "nodes" : String(sentence.prefix { $0 != ":" && $0 != "[" })
    }
}
