import CSimdJSON
import Glibc

/// Takes JSON texts apart. One at a time: it keeps its buffers from text to text.
@safe package final class JSONTokenizer {
    /// The deepest nesting of objects and arrays.
    package static let maximumDepth = 256

    /// The most values and names, which take 24 bytes of memory each.
    package static let maximumCount = 1 << 23

    private let handle: OpaquePointer
    private let tokens: UnsafeMutablePointer<json_tokens>

    /// A tokenizer; nil where there is no memory for one.
    package init?() {
        guard let handle = unsafe json_tokenizer_create() else { return nil }
        unsafe self.handle = handle
        unsafe tokens = .allocate(capacity: 1)
        unsafe tokens.initialize(to: json_tokens())
    }

    deinit {
        unsafe json_tokenizer_destroy(handle)
        unsafe tokens.deallocate()
    }

    /// Takes a text apart and hands it to `body`. The document may be used as long as there is the tokenizer, until it takes the next text.
    ///
    /// - Throws: what is wrong with the text, if it is not a JSON object or array.
    package func withDocument<Result>(_ text: RawSpan, _ body: (JSONDocument) -> Result) throws(JSONTextError) -> Result {
        unsafe tokens.pointee = text.withUnsafeBytes { bytes in
            unsafe json_tokenizer_run(handle, bytes.baseAddress, bytes.count, Self.maximumDepth, Self.maximumCount)
        }
        if let error = unsafe tokens.pointee.error {
            throw unsafe JSONTextError(reason: String(cString: error), offset: tokens.pointee.error_offset)
        }
        return withExtendedLifetime(self) { body(unsafe JSONDocument(UnsafePointer(tokens))) }
    }
}

/// Why a text is not JSON.
package struct JSONTextError: Error {
    /// The parser's sentence.
    package let reason: String
    /// About where, in bytes.
    package let offset: Int
}

/// A text that was taken apart. It points into its tokenizer's buffers and is gone with the next text.
@safe package struct JSONDocument {
    private let pointer: UnsafePointer<json_tokens>

    fileprivate init(_ pointer: UnsafePointer<json_tokens>) { unsafe self.pointer = unsafe pointer }

    /// The whole value.
    package var root: JSONValue { JSONValue(document: self, index: 0) }

    /// The text's length in bytes.
    package var length: Int { unsafe pointer.pointee.length }

    /// Hands the bytes of a range of the text to `body`.
    @inlinable package func withBytes(_ range: Range<Int>, _ body: (RawSpan) -> Void) { unsafe body(bytes(range).bytes) }

    fileprivate func token(_ index: Int) -> json_token {
        unsafe precondition(index < pointer.pointee.count)
        return unsafe pointer.pointee.tokens[index]
    }

    /// The bytes of a range of the text, or of the buffer of characters.
    @usableFromInline func bytes(_ range: Range<Int>, unescaped: Bool = false) -> UnsafeRawBufferPointer {
        let base = unsafe unescaped ? pointer.pointee.characters : pointer.pointee.text
        return unsafe UnsafeRawBufferPointer(start: base.map { unsafe $0 + range.lowerBound }, count: range.count)
    }
}

/// A value in a document.
package struct JSONValue {
    package let document: JSONDocument
    package let index: Int

    @usableFromInline init(document: JSONDocument, index: Int) {
        self.document = document
        self.index = index
    }

    private var token: json_token { document.token(index) }

    package var isObject: Bool { token.kind == JSON_TOKEN_OBJECT.rawValue }
    package var isArray: Bool { token.kind == JSON_TOKEN_ARRAY.rawValue }
    package var isString: Bool { token.kind == JSON_TOKEN_STRING.rawValue }
    package var isNumber: Bool { token.kind == JSON_TOKEN_NUMBER.rawValue }
    package var isNull: Bool { token.kind == JSON_TOKEN_NULL.rawValue }

    /// A `true` or `false`; nil for anything else.
    package var boolean: Bool? {
        switch UInt32(token.kind) {
        case JSON_TOKEN_TRUE.rawValue: true
        case JSON_TOKEN_FALSE.rawValue: false
        default: nil
        }
    }

    /// Where it stands in the text.
    package var range: Range<Int> { Int(token.start)..<Int(token.end) }

    /// The value as it is spelled.
    package var spelling: String { unsafe String(decoding: document.bytes(range), as: UTF8.self) }

    /// The characters of a string; nil for anything else.
    package var string: String? { isString ? unsafe String(decoding: characters, as: UTF8.self) : nil }

    /// The characters of a string.
    @usableFromInline var characters: UnsafeRawBufferPointer {
        let token = token
        let start = Int(token.characters)
        return unsafe document.bytes(start..<start + Int(token.length), unescaped: token.is_escaped != 0)
    }

    /// The length of a string in bytes of UTF-8.
    package var characterCount: Int { Int(token.length) }

    /// True for a string of these characters, which are ASCII.
    package func equals(_ text: StaticString) -> Bool { isString && hasCharacters(of: text) }

    /// Whether the characters of a string are those of a text of ASCII.
    @usableFromInline func hasCharacters(of text: StaticString) -> Bool {
        let characters = unsafe characters
        guard characters.count == text.utf8CodeUnitCount, let start = characters.baseAddress else { return false }
        return unsafe memcmp(start, text.utf8Start, characters.count) == 0
    }

    /// The place of a string among texts of ASCII; nil where it is none of them.
    @inlinable package func place<let count: Int>(among texts: borrowing InlineArray<count, StaticString>) -> Int? {
        let length = unsafe characters.count
        for index in 0..<count where texts[index].utf8CodeUnitCount == length {
            if hasCharacters(of: texts[index]) { return index }
        }
        return nil
    }

    /// The characters of a string with the letters of ASCII made large; nil for anything else.
    package var uppercased: String? {
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
    package var integer: Int? {
        guard isString || isNumber else { return nil }
        let digits = unsafe isString ? characters : document.bytes(range)
        let isNegative = unsafe digits.first == UInt8(ascii: "-")
        let firstDigit = isNegative ? 1 : 0
        guard digits.count > firstDigit else { return nil }
        var number = 0
        for index in firstDigit..<digits.count {
            let byte = unsafe digits[index]
            guard (0x30...0x39).contains(byte) else { return nil }
            let (product, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, isTooLargeToo) = product.addingReportingOverflow(Int(byte - 0x30))
            number = isTooLarge || isTooLargeToo || number == .max ? .max : sum
        }
        return isNegative ? -number : number
    }

    /// The values of an array, in order.
    package var elements: JSONElements { JSONElements(document: document, position: index + 1, end: Int(token.next)) }

    /// Whether the value of this index is this one or in it.
    package func contains(_ index: Int) -> Bool { index >= self.index && index < Int(token.next) }

    /// True for an object or array with nothing in it.
    package var isEmpty: Bool { Int(token.next) == index + 1 }

    /// The members of an object, in order.
    package var members: JSONMembers { JSONMembers(elements: elements) }
}

/// The values of an array, in order.
package struct JSONElements: Sequence, IteratorProtocol {
    fileprivate let document: JSONDocument
    fileprivate var position: Int
    fileprivate let end: Int

    /// How many are left. They are counted.
    package var count: Int { reduce(0) { count, _ in count + 1 } }

    package mutating func next() -> JSONValue? {
        guard position < end else { return nil }
        defer { position = Int(document.token(position).next) }
        return JSONValue(document: document, index: position)
    }
}

/// The members of an object, in order.
package struct JSONMembers: Sequence, IteratorProtocol {
    fileprivate var elements: JSONElements

    package mutating func next() -> (name: JSONValue, value: JSONValue)? {
        guard let name = elements.next(), let value = elements.next() else { return nil }
        return (name, value)
    }
}
