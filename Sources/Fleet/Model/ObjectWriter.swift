package import JSON
import LBaaS
import LoadBalancerJSON

/// Writes objects of JSON, member by member.
package struct ObjectWriter: ~Copyable {
    private var output: ByteWriter
    private var isFirst = true

    /// Nothing yet, with room for so many bytes.
    package init(capacity: Int = 512) { output = ByteWriter(capacity: capacity) }

    /// What is written.
    package var bytes: [UInt8] { output.bytes }

    /// An object as text of JSON.
    package static func object(capacity: Int = 512, _ members: (inout ObjectWriter) -> Void) -> [UInt8] {
        var writer = ObjectWriter(capacity: capacity)
        writer.braces(members)
        return writer.bytes
    }

    /// Writes an object as an element of a list, or as the whole.
    package mutating func element(_ members: (inout ObjectWriter) -> Void) {
        comma()
        braces(members)
    }

    /// Writes a text as an element of a list.
    package mutating func element(_ text: String) {
        comma()
        output.append(json: text)
    }

    /// Writes a text; null where it is nil.
    package mutating func text(_ name: StaticString, _ text: String?) {
        self.name(name)
        if let text { output.append(json: text) } else { output.append("null") }
    }

    /// Writes a text, where there is one.
    package mutating func optional(_ name: StaticString, _ text: String?) { if let text { self.text(name, text) } }

    /// Writes a number, where there is one.
    package mutating func optional(_ name: StaticString, _ number: Int?) { if let number { self.number(name, number) } }

    /// Writes a number; null where it is nil.
    package mutating func number(_ name: StaticString, _ number: Int?) {
        self.name(name)
        guard let number else { return output.append("null") }
        if number < 0 { output.append("-") }
        output.append(decimal: UInt64(number.magnitude))
    }

    /// Writes a truth value.
    package mutating func flag(_ name: StaticString, _ flag: Bool) {
        self.name(name)
        output.append(flag ? "true" : "false")
    }

    /// Writes null.
    package mutating func null(_ name: StaticString) {
        self.name(name)
        output.append("null")
    }

    /// Writes a list of texts.
    package mutating func texts(_ name: StaticString, _ texts: some Sequence<String>) {
        list(name) { list in for text in texts { list.element(text) } }
    }

    /// Writes an object.
    package mutating func object(_ name: StaticString, _ members: (inout ObjectWriter) -> Void) {
        self.name(name)
        braces(members)
    }

    /// Writes an object below a name that is text.
    package mutating func object(named name: String, _ members: (inout ObjectWriter) -> Void) {
        comma()
        output.append(json: name)
        output.append(": ")
        braces(members)
    }

    /// Writes what is JSON already below a name that is text.
    package mutating func json(named name: String, _ text: String) {
        comma()
        output.append(json: name)
        output.append(": ")
        output.append(text)
    }

    /// Writes a list.
    package mutating func list(_ name: StaticString, _ elements: (inout ObjectWriter) -> Void) {
        self.name(name)
        output.append("[")
        isFirst = true
        elements(&self)
        output.append("]")
        isFirst = false
    }

    /// Writes what is JSON already.
    package mutating func json(_ name: StaticString, _ bytes: [UInt8]) {
        self.name(name)
        unsafe output.append(bytes.span.bytes)
    }

    private mutating func braces(_ members: (inout ObjectWriter) -> Void) {
        output.append("{")
        isFirst = true
        members(&self)
        output.append("}")
        isFirst = false
    }

    private mutating func name(_ name: StaticString) {
        comma()
        output.append("\"")
        output.append(name)
        output.append("\": ")
    }

    private mutating func comma() {
        if !isFirst { output.append(", ") }
        isFirst = false
    }
}

/// Reads records, one after the other. For one thread.
package final class RecordReader {
    private let tokenizer: JSONTokenizer

    /// A reader; nil where there is no memory for one.
    package init?() {
        guard let tokenizer = JSONTokenizer() else { return nil }
        self.tokenizer = tokenizer
    }

    /// Reads a record; nil where it is damaged, or of a form that this version does not know.
    package func read<Record>(_ bytes: [UInt8], _ body: (JSONValue) -> Record?) -> Record? {
        let outcome = try? tokenizer.withDocument(unsafe bytes.span.bytes) { document in
            document.root.isObject ? body(document.root) : nil
        }
        return outcome ?? nil
    }
}

extension JSONValue {
    func number(_ name: StaticString) -> Int? {
        guard let value = self[name], value.isNumber else { return nil }
        return value.integer
    }

    func time(_ name: StaticString) -> Timestamp? { number(name).map { Timestamp(microseconds: Int64($0)) } }

    func texts(_ name: StaticString) -> [String] { elements(of: name).compactMap(\.string) }
}

extension ObjectWriter {
    mutating func time(_ name: StaticString, _ time: Timestamp?) {
        if let time { number(name, Int(time.microseconds)) }
    }
}
