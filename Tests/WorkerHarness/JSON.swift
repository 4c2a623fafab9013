import Foundation

/// A JSON value, to write jobs and compare replies with. Numbers are equal by value; true is not 1.
package enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])
}

extension JSON {
    /// Reads a text.
    package init(bytes: [UInt8]) throws { self = try JSONDecoder().decode(JSON.self, from: Data(bytes)) }

    /// Its text.
    package var bytes: [UInt8] {
        get throws { Array(try JSONEncoder().encode(self)) }
    }

    /// The member of an object; null where there is none.
    package subscript(name: String) -> JSON {
        get { if case .object(let members) = self { members[name] ?? .null } else { .null } }
        set {
            guard case .object(var members) = self else { return }
            members[name] = newValue == .null ? nil : newValue
            self = .object(members)
        }
    }

    /// The element of an array; null where there is none.
    package subscript(index: Int) -> JSON { elements.indices.contains(index) ? elements[index] : .null }

    /// The elements of an array; none of anything else.
    package var elements: [JSON] { if case .array(let elements) = self { elements } else { [] } }

    /// The text of a string; nil for anything else.
    package var text: String? { if case .string(let text) = self { text } else { nil } }

    /// The texts of an array of strings.
    package var texts: [String] { elements.compactMap(\.text) }

    /// The names of an object's members.
    package var names: Set<String> { if case .object(let members) = self { Set(members.keys) } else { [] } }
}

extension JSON {
    /// Whether this is the reply of a job that succeeded.
    package var isPass: Bool { self["hpcs_response"] == "PASS" && self["hpcs_error"] == .null }

    /// The error of a job that failed; nil where it is no such reply.
    package var failure: String? { self["hpcs_response"] == "FAIL" ? self["hpcs_error"].text : nil }
}

extension JSON: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let members = try? container.decode([String: JSON].self) {
            self = .object(members)
        } else if let elements = try? container.decode([JSON].self) {
            self = .array(elements)
        } else if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let bool = try? container.decode(Bool.self) {
            self = .bool(bool)
        } else if container.decodeNil() {
            self = .null
        } else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not JSON")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let bool): try container.encode(bool)
        case .number(let number): try Int(exactly: number).map { try container.encode($0) } ?? container.encode(number)
        case .string(let text): try container.encode(text)
        case .array(let elements): try container.encode(elements)
        case .object(let members): try container.encode(members)
        }
    }
}

extension JSON: CustomStringConvertible {
    /// Its text, cut off where it is very long.
    package var description: String {
        let text = (try? bytes).map { String(decoding: $0, as: UTF8.self) } ?? "no JSON"
        return text.utf8.count > 2000 ? text.prefix(2000) + "…" : text
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByStringInterpolation
{
    package init(stringLiteral text: String) { self = .string(text) }
    package init(integerLiteral number: Int) { self = .number(Double(number)) }
    package init(floatLiteral number: Double) { self = .number(number) }
    package init(booleanLiteral bool: Bool) { self = .bool(bool) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral members: (String, JSON)...) { self = .object(Dictionary(members) { $1 }) }
}
