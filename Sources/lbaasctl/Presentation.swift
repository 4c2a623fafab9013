import JSON
import Terminal

/// How results are printed.
enum OutputForm: String, CaseIterable, Sendable {
    case table, wide, json, jsonl, name
}

/// A result in all forms.
struct Presentation: Equatable {
    /// A part of the form for people.
    enum Part: Equatable {
        case table(TextTable)
        case tree(TextTree)
        /// Names and values.
        case facts([(String, String)])
        case lines([String])

        static func == (left: Part, right: Part) -> Bool {
            switch (left, right) {
            case (.table(let left), .table(let right)): left == right
            case (.tree(let left), .tree(let right)): left == right
            case (.facts(let left), .facts(let right)): left.elementsEqual(right, by: ==)
            case (.lines(let left), .lines(let right)): left == right
            default: false
            }
        }
    }

    /// The answer of the worker.
    var json: String
    /// An object of JSON for each item.
    var items: [String]
    /// The word that stands for each item.
    var names: [String]
    /// The form for people.
    var parts: [Part]
    /// Whether the only part is a table with a row for each item.
    var isList = false

    /// The lines of a form.
    func lines(_ form: OutputForm, hasHeader: Bool, _ traits: DisplayTraits) -> [String] {
        switch form {
        case .json: [String(json.safeJSON.trimmingNewlines)]
        case .jsonl: items.map(\.singleLine)
        case .name: names
        case .table, .wide: Array(parts.map { $0.lines(hasHeader: hasHeader, traits) }.filter { !$0.isEmpty }.joined(separator: [""]))
        }
    }

    /// What is different from an earlier result, as lines: of a list its new and changed items, and the names of those that are gone;
    /// of anything else all of it. Nothing where nothing is.
    func changes(since old: Presentation, _ form: OutputForm, _ traits: DisplayTraits) -> [String] {
        if self == old { return [] }
        guard isList, old.isList else { return lines(form, hasHeader: false, traits) }
        let before = Dictionary(zip(old.names, old.items)) { first, _ in first }
        let changed = names.indices.filter { before[names[$0]] != items[$0] }
        let gone = Set(old.names).subtracting(names).sorted()
        var part = self
        part.items = changed.map { items[$0] }
        part.names = changed.map { names[$0] }
        if case .table(let table)? = parts.first { part.parts = [.table(TextTable(table.columns, changed.map { table.rows[$0] }))] }
        let shown = changed.isEmpty ? [] : part.lines(form == .json ? .jsonl : form, hasHeader: false, traits)
        return shown
            + gone.map { name in
                switch form {
                case .json, .jsonl: "{\"id\": \(JSONWriting.string(Reference.id(of: name))), \"status\": \"DELETED\"}".safeJSON
                case .name: name
                case .table, .wide: "\(name.safe)  DELETED"
                }
            }
    }
}

extension Presentation.Part {
    fileprivate func lines(hasHeader: Bool, _ traits: DisplayTraits) -> [String] {
        switch self {
        case .table(let table): return table.lines(traits, hasHeader: hasHeader)
        case .tree(let tree): return tree.lines(traits)
        case .lines(let lines): return lines.map(\.safe)
        case .facts(let facts):
            let width = facts.map(\.0.count).max() ?? 0
            return facts.map { name, value in
                traits.styled(name, .faint) + String(repeating: " ", count: width - name.count + 2) + value.safe
            }
        }
    }
}

extension String {
    /// A text of JSON in one line.
    var singleLine: String { String(String.UnicodeScalarView(safeJSON.unicodeScalars.map { $0 == "\n" ? " " : $0 })) }

    fileprivate var trimmingNewlines: Substring {
        var text = self[...]
        while text.utf8.last == 0x0A { text = Substring(text.utf8.dropLast()) }
        return text
    }
}
