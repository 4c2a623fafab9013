import HTTPServer
import JSON

/// The body of a request: an object of JSON whose members are texts, numbers and truth values.
struct RequestBody {
    private enum Value {
        case text(String)
        case number(Int)
        case flag(Bool)
    }

    private var members: [String: Value] = [:]

    /// Reads a body.
    ///
    /// - Parameter fields: the members that it may have. One that is null is as if it were absent.
    init(_ request: HTTPRequest, fields: [String]) throws(FrontFailure) {
        guard let tokenizer = JSONTokenizer() else {
            throw .refusal(FrontError(status: 503, code: "unavailable", detail: "there is no memory for a request", retryAfter: 1))
        }
        let body = request.body
        let outcome: Result<[String: Value], FrontFailure>
        do throws(JSONTextError) {
            outcome = try tokenizer.withDocument(unsafe body.span.bytes) { document in
                Result { () throws(FrontFailure) in try Self.read(document.root, fields) }
            }
        } catch {
            throw .invalid("the body is not JSON: \(error.reason)")
        }
        members = try outcome.get()
    }

    private static func read(_ root: JSONValue, _ fields: [String]) throws(FrontFailure) -> [String: Value] {
        guard root.isObject else { throw .invalid("the body is not an object") }
        var members: [String: Value] = [:]
        var known: Set<String> = []
        for (name, value) in root.members {
            let name = name.string ?? ""
            guard fields.contains(name) else {
                throw .invalid("\(name.shortened): is not a field; the fields are \(fields.joined(separator: ", "))")
            }
            guard known.insert(name).inserted else { throw .invalid("\(name): appears twice; which one is meant?", field: name) }
            if value.isNull { continue }
            if let text = value.string {
                members[name] = .text(text)
            } else if let flag = value.boolean {
                members[name] = .flag(flag)
            } else if value.isNumber, let number = value.integer {
                members[name] = .number(number)
            } else {
                throw .invalid("\(name): \(value.spelling.shortened) is not a text, a whole number, true or false", field: name)
            }
        }
        return members
    }

    /// Whether nothing is said.
    var isEmpty: Bool { members.isEmpty }

    /// A text; nil where there is none.
    func text(_ name: String) throws(FrontFailure) -> String? {
        guard let value = members[name] else { return nil }
        guard case .text(let text) = value else { throw .invalid("\(name): is not a text", field: name) }
        return text
    }

    /// A text that must be there.
    func required(_ name: String) throws(FrontFailure) -> String {
        guard let text = try text(name) else { throw .invalid("\(name): is missing", field: name) }
        return text
    }

    /// A truth value; nil where there is none.
    func flag(_ name: String) throws(FrontFailure) -> Bool? {
        guard let value = members[name] else { return nil }
        guard case .flag(let flag) = value else { throw .invalid("\(name): is not true or false", field: name) }
        return flag
    }

    /// A number of a range; nil where there is none.
    func number(_ name: String, _ range: ClosedRange<Int>) throws(FrontFailure) -> Int? {
        guard let value = members[name] else { return nil }
        guard case .number(let number) = value, range.contains(number) else {
            throw .invalid("\(name): is not a whole number from \(range.lowerBound) to \(range.upperBound)", field: name)
        }
        return number
    }
}
