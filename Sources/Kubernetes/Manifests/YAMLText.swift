import CYAML
import JSON

/// YAML, made into JSON, so that objects are read in one way alone.
enum YAMLText {
    /// The deepest nesting.
    private static let depth = 100
    /// The documents of a text, each as JSON; not those without anything in them.
    ///
    /// Plain words are read as Kubernetes reads them, but for old forms: `yes` and `0644` are texts here.
    ///
    /// - Parameter largest: the most bytes of JSON of one document. What is named once can stand in many places.
    static func documents(_ text: [UInt8], largest: Int = 64 << 20) throws(KubernetesError) -> [[UInt8]] {
        let outcome: Result<[[UInt8]], KubernetesError> = unsafe text.withUnsafeBufferPointer { bytes in
            do throws(KubernetesError) { return .success(try unsafe parse(bytes, largest)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    private static func parse(_ text: UnsafeBufferPointer<UInt8>, _ largest: Int) throws(KubernetesError) -> [[UInt8]] {
        // With no bytes there is no pointer, which libyaml would not take.
        guard let start = text.baseAddress, !text.isEmpty else { return [] }
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { unsafe parser.deallocate() }
        unsafe parser.initialize(to: yaml_parser_t())
        guard unsafe yaml_parser_initialize(parser) == 1 else { throw KubernetesError(.exhausted, "there is no memory to read YAML") }
        defer { unsafe yaml_parser_delete(parser) }
        unsafe yaml_parser_set_input_string(parser, start, text.count)
        var documents: [[UInt8]] = []
        while true {
            let document = UnsafeMutablePointer<yaml_document_t>.allocate(capacity: 1)
            defer { unsafe document.deallocate() }
            unsafe document.initialize(to: yaml_document_t())
            guard unsafe yaml_parser_load(parser, document) == 1 else { throw unsafe failure(of: parser) }
            defer { unsafe yaml_document_delete(document) }
            guard let root = unsafe yaml_document_get_root_node(document) else { return documents }
            var writer = unsafe YAMLWriter(document: document, largest: largest)
            try unsafe writer.write(root, depth: depth)
            if writer.text != "null" { documents.append(Array(writer.text.utf8)) }
        }
    }

    private static func failure(of parser: UnsafeMutablePointer<yaml_parser_t>) -> KubernetesError {
        let words = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "it cannot be read"
        // Problems of the encoding have no line.
        let line = unsafe Int(parser.pointee.problem_mark.line) + 1
        return KubernetesError(.invalidText, "line \(line): \(words)")
    }
}

/// Writes a document as JSON.
@safe private struct YAMLWriter {
    let document: UnsafeMutablePointer<yaml_document_t>
    let largest: Int
    var text = ""

    init(document: UnsafeMutablePointer<yaml_document_t>, largest: Int) {
        unsafe self.document = unsafe document
        self.largest = largest
    }

    mutating func write(_ node: UnsafeMutablePointer<yaml_node_t>, depth: Int) throws(KubernetesError) {
        // An alias of what it is in has no end.
        if depth == 0 { throw unsafe wrong(node, "is nested too deeply") }
        if text.utf8.count > largest { throw unsafe wrong(node, "has too many aliases") }
        switch unsafe node.pointee.type {
        case YAML_SEQUENCE_NODE: try unsafe writeSequence(node, depth: depth)
        case YAML_MAPPING_NODE: try unsafe writeMapping(node, depth: depth)
        default: text += try unsafe scalar(node)
        }
    }

    private mutating func writeSequence(_ node: UnsafeMutablePointer<yaml_node_t>, depth: Int) throws(KubernetesError) {
        let items = unsafe node.pointee.data.sequence.items
        text += "["
        for place in 0..<(unsafe items.top - items.start) {
            if place > 0 { text += "," }
            try unsafe write(child(items.start[place], of: node), depth: depth - 1)
        }
        text += "]"
    }

    private mutating func writeMapping(_ node: UnsafeMutablePointer<yaml_node_t>, depth: Int) throws(KubernetesError) {
        let pairs = unsafe node.pointee.data.mapping.pairs
        var names: Set<String> = []
        text += "{"
        for place in 0..<(unsafe pairs.top - pairs.start) {
            let pair = unsafe pairs.start[place]
            let key = try unsafe child(pair.key, of: node)
            guard unsafe key.pointee.type == YAML_SCALAR_NODE else { throw unsafe wrong(key, "is not a name") }
            let name = unsafe characters(of: key)
            guard names.insert(name).inserted else { throw unsafe wrong(key, "has the name '\(name.shortened)' twice") }
            if place > 0 { text += "," }
            text += JSONWriting.string(name) + ":"
            try unsafe write(child(pair.value, of: node), depth: depth - 1)
        }
        text += "}"
    }

    private func child(
        _ number: Int32, of node: UnsafeMutablePointer<yaml_node_t>
    ) throws(KubernetesError) -> UnsafeMutablePointer<yaml_node_t> {
        guard let child = unsafe yaml_document_get_node(document, number) else { throw unsafe wrong(node, "lacks a part") }
        return unsafe child
    }

    private func characters(of node: UnsafeMutablePointer<yaml_node_t>) -> String {
        let scalar = unsafe node.pointee.data.scalar
        // libyaml has checked that it is UTF-8.
        return unsafe String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
    }

    /// A scalar as JSON. What is in quotes is a text; a plain word is what it looks like.
    private func scalar(_ node: UnsafeMutablePointer<yaml_node_t>) throws(KubernetesError) -> String {
        let word = unsafe characters(of: node)
        let tag = unsafe node.pointee.tag.map { unsafe String(cString: $0) } ?? ""
        let known = ["str", "int", "float", "bool", "null"].map { "tag:yaml.org,2002:\($0)" }
        guard known.contains(tag) else { throw unsafe wrong(node, "has the tag \(tag.shortened), which is not read") }
        guard unsafe node.pointee.data.scalar.style == YAML_PLAIN_SCALAR_STYLE else { return JSONWriting.string(word) }
        switch word {
        case "", "~", "null", "Null", "NULL": return "null"
        case "true", "True", "TRUE": return "true"
        case "false", "False", "FALSE": return "false"
        default: return Self.isNumber(word) ? word : JSONWriting.string(word)
        }
    }

    /// Whether a word is a number as JSON has it.
    private static func isNumber(_ word: String) -> Bool {
        var rest = word.utf8[...]
        func skipDigits() -> Int {
            let digits = rest.prefix { (0x30...0x39).contains($0) }.count
            rest = rest.dropFirst(digits)
            return digits
        }
        func skip(_ characters: Unicode.Scalar...) -> Bool {
            guard let first = rest.first, characters.contains(where: { UInt8(ascii: $0) == first }) else { return false }
            rest = rest.dropFirst()
            return true
        }
        _ = skip("-")
        let hasLeadingZero = rest.first == UInt8(ascii: "0")
        let digits = skipDigits()
        if digits == 0 || hasLeadingZero && digits > 1 { return false }
        if skip("."), skipDigits() == 0 { return false }
        if skip("e", "E") {
            _ = skip("+", "-")
            if skipDigits() == 0 { return false }
        }
        return rest.isEmpty
    }

    private func wrong(_ node: UnsafeMutablePointer<yaml_node_t>, _ words: String) -> KubernetesError {
        KubernetesError(.invalidText, "line \(unsafe Int(node.pointee.start_mark.line) + 1): \(words)")
    }
}
