import CSimdJSON

/// Takes JSON texts apart. One at a time: it keeps its buffers from text to text.
@safe final class JSONTokenizer {
    /// Objects and arrays inside each other, at the most. A job needs five; the rest is room for fields that nobody here knows.
    static let maximumDepth = 256

    private let handle: OpaquePointer

    /// A tokenizer; nil where there is no memory for one.
    init?() {
        guard let handle = unsafe json_tokenizer_create() else { return nil }
        unsafe self.handle = handle
    }

    deinit { unsafe json_tokenizer_destroy(handle) }

    /// Takes a text apart and hands it to `body`, during which alone the document may be used.
    ///
    /// - Throws: what is wrong with the text, if it is not a JSON object or array.
    func withDocument<Result>(_ text: RawSpan, _ body: (JSONDocument) -> Result) throws(JSONTextError) -> Result {
        let tokens = unsafe text.withUnsafeBytes { bytes in
            unsafe json_tokenizer_run(handle, bytes.baseAddress, bytes.count, Self.maximumDepth)
        }
        if let error = unsafe tokens.error {
            throw unsafe JSONTextError(reason: String(cString: error), offset: tokens.error_offset)
        }
        let document = unsafe JSONDocument(
            tokens: UnsafeBufferPointer(start: tokens.tokens, count: tokens.count),
            text: UnsafeRawBufferPointer(start: tokens.text, count: text.byteCount),
            characters: UnsafeRawPointer(tokens.characters))
        return body(document)
    }
}

/// Why a text is not JSON.
struct JSONTextError: Error {
    /// The parser's sentence.
    let reason: String
    /// About where, in bytes.
    let offset: Int
}

/// A text that was taken apart. It points into its tokenizer's buffers and is gone with the next text.
@safe struct JSONDocument {
    fileprivate let tokens: UnsafeBufferPointer<json_token>
    fileprivate let text: UnsafeRawBufferPointer
    fileprivate let characters: UnsafeRawPointer?

    fileprivate init(tokens: UnsafeBufferPointer<json_token>, text: UnsafeRawBufferPointer, characters: UnsafeRawPointer?) {
        unsafe self.tokens = unsafe tokens
        unsafe self.text = unsafe text
        unsafe self.characters = unsafe characters
    }

    /// The whole value.
    var root: JSONValue { JSONValue(document: self, index: 0) }

    /// Appends the bytes of a range of the text.
    func append(_ range: Range<Int>, to output: inout [UInt8]) {
        unsafe output.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[range]))
    }

    /// The text's length in bytes.
    var length: Int { unsafe text.count }
}

/// A value in a document.
struct JSONValue {
    let document: JSONDocument
    let index: Int

    private var token: json_token { unsafe document.tokens[index] }

    var isObject: Bool { token.kind == JSON_TOKEN_OBJECT.rawValue }
    var isArray: Bool { token.kind == JSON_TOKEN_ARRAY.rawValue }
    var isString: Bool { token.kind == JSON_TOKEN_STRING.rawValue }
    var isNumber: Bool { token.kind == JSON_TOKEN_NUMBER.rawValue }
    var isNull: Bool { token.kind == JSON_TOKEN_NULL.rawValue }

    /// A `true` or `false`; nil for anything else.
    var boolean: Bool? {
        switch UInt32(token.kind) {
        case JSON_TOKEN_TRUE.rawValue: true
        case JSON_TOKEN_FALSE.rawValue: false
        default: nil
        }
    }

    /// Where it stands in the text.
    var range: Range<Int> { Int(token.start)..<Int(token.end) }

    /// The value as it is spelled.
    var spelling: String { unsafe String(decoding: document.text[range], as: UTF8.self) }

    /// The characters of a string; nil for anything else.
    var string: String? { isString ? unsafe String(decoding: characters, as: UTF8.self) : nil }

    /// The characters of a string.
    private var characters: UnsafeRawBufferPointer {
        let token = token
        let base = unsafe token.is_escaped != 0 ? document.characters : document.text.baseAddress
        return unsafe UnsafeRawBufferPointer(start: base.map { unsafe $0 + Int(token.characters) }, count: Int(token.length))
    }

    /// True for a string of these characters, which are ASCII.
    func equals(_ text: StaticString) -> Bool {
        guard isString else { return false }
        let characters = unsafe characters
        guard characters.count == text.utf8CodeUnitCount else { return false }
        return unsafe characters.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// The characters of a string with the letters of ASCII made large; nil for anything else.
    var uppercased: String? {
        guard isString else { return nil }
        let characters = unsafe characters
        return unsafe String(unsafeUninitializedCapacity: characters.count) { buffer in
            for index in 0..<characters.count {
                let byte = unsafe characters[index]
                unsafe buffer[index] = (0x61...0x7A).contains(byte) ? byte - 32 : byte
            }
            return characters.count
        }
    }

    /// A whole number: a JSON integer or a string that holds one; nil for anything else. One beyond `Int` comes as its nearest.
    var integer: Int? {
        let digits: UnsafeRawBufferPointer
        if isString {
            unsafe digits = characters
        } else if isNumber {
            unsafe digits = UnsafeRawBufferPointer(rebasing: document.text[range])
        } else {
            return nil
        }
        let isNegative = unsafe digits.first == UInt8(ascii: "-")
        let unsigned = unsafe digits.dropFirst(isNegative ? 1 : 0)
        guard unsafe !unsigned.isEmpty else { return nil }
        var number = 0
        // Not `for unsafe byte in`, which swift format glues together.
        for index in unsafe unsigned.indices {
            let byte = unsafe unsigned[index]
            guard (0x30...0x39).contains(byte) else { return nil }
            let (product, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, isTooLargeToo) = product.addingReportingOverflow(Int(byte - 0x30))
            number = isTooLarge || isTooLargeToo || number == .max ? .max : sum
        }
        return isNegative ? -number : number
    }

    /// The values of an array, in order.
    var elements: JSONElements { JSONElements(document: document, position: index + 1, end: Int(token.next)) }

    /// True for an object or array with nothing in it.
    var isEmpty: Bool { Int(token.next) == index + 1 }

    /// The members of an object, in order.
    var members: JSONMembers { JSONMembers(elements: elements) }
}

/// The values of an array, in order.
struct JSONElements: Sequence, IteratorProtocol {
    fileprivate let document: JSONDocument
    fileprivate var position: Int
    fileprivate let end: Int

    mutating func next() -> JSONValue? {
        guard position < end else { return nil }
        defer { position = Int(unsafe document.tokens[position].next) }
        return JSONValue(document: document, index: position)
    }
}

/// The members of an object, in order.
struct JSONMembers: Sequence, IteratorProtocol {
    fileprivate var elements: JSONElements

    mutating func next() -> (name: JSONValue, value: JSONValue)? {
        guard let name = elements.next(), let value = elements.next() else { return nil }
        return (name, value)
    }
}
