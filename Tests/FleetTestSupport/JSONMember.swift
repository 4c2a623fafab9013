import JSON
import TestSupport

/// A member of an answer, by the names and numbers on the way to it, as text; nil where there is none.
package func member(_ text: String, _ path: String...) throws -> String? {
    try read(text) { root in
        var value: JSONValue? = root
        for name in path {
            if let index = Int(name) {
                value = value.map { Array($0.elements) }.flatMap { index < $0.count ? $0[index] : nil }
            } else {
                value = value?.member(name)
            }
        }
        return value.map { $0.string ?? $0.spelling }
    }
}

/// A member of all elements of a list that an answer has.
package func column(_ text: String, _ list: String, _ name: String) throws -> [String] {
    try read(text) { root in
        let elements = root.member(list).map { Array($0.elements) } ?? []
        return elements.map { element in element.member(name).map { $0.string ?? $0.spelling } ?? "" }
    }
}

private func read<Value>(_ text: String, _ body: (JSONValue) -> Value) throws -> Value {
    guard let tokenizer = JSONTokenizer() else { throw Failure("no memory for a tokenizer") }
    let bytes = Array(text.utf8)
    return try tokenizer.withDocument(bytes.span.bytes) { body($0.root) }
}

extension JSONValue {
    fileprivate func member(_ name: String) -> JSONValue? { members.first { $0.name.string == name }?.value }
}
