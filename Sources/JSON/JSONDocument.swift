public import CSimdJSON
import Glibc

/// Takes JSON texts apart. One at a time: it keeps its buffers from text to text.
@safe public final class JSONTokenizer {
    /// The deepest nesting of objects and arrays.
    public static let maximumDepth = 256

    /// The most values and names, which take 24 bytes of memory each.
    public static let maximumCount = 1 << 23

    private let handle: OpaquePointer
    private let tokens: UnsafeMutablePointer<json_tokens>

    /// A tokenizer; nil where there is no memory for one.
    public init?() {
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
    public func withDocument<Result>(_ text: RawSpan, _ body: (JSONDocument) -> Result) throws(JSONTextError) -> Result {
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
public struct JSONTextError: Error {
    /// The parser's sentence.
    public let reason: String
    /// About where, in bytes.
    public let offset: Int
}

/// A text that was taken apart. It points into its tokenizer's buffers and is gone with the next text.
@safe public struct JSONDocument {
    @usableFromInline let pointer: UnsafePointer<json_tokens>

    fileprivate init(_ pointer: UnsafePointer<json_tokens>) { unsafe self.pointer = unsafe pointer }

    /// The whole value.
    public var root: JSONValue { JSONValue(document: self, index: 0) }

    /// The text's length in bytes.
    public var length: Int { unsafe pointer.pointee.length }

    /// Hands the bytes of a range of the text to `body`.
    @inlinable public func withBytes(_ range: Range<Int>, _ body: (RawSpan) -> Void) { unsafe body(bytes(range).bytes) }

    @inlinable func token(_ index: Int) -> json_token {
        unsafe precondition(index < pointer.pointee.count)
        return unsafe pointer.pointee.tokens[index]
    }

    /// The bytes of a range of the text, or of the buffer of characters. There are 64 bytes more behind both.
    @inlinable func bytes(_ range: Range<Int>, unescaped: Bool = false) -> UnsafeRawBufferPointer {
        let base = unsafe unescaped ? pointer.pointee.characters : pointer.pointee.text
        return unsafe UnsafeRawBufferPointer(start: base.map { unsafe $0 + range.lowerBound }, count: range.count)
    }
}

/// A value in a document.
public struct JSONValue {
    /// The document that it is in.
    public let document: JSONDocument
    /// Its place among the values and names of the document.
    public let index: Int

    @inlinable init(document: JSONDocument, index: Int) {
        self.document = document
        self.index = index
    }

    @inlinable var token: json_token { document.token(index) }

    /// Whether it is an object.
    @inlinable public var isObject: Bool { token.kind == JSON_TOKEN_OBJECT.rawValue }
    /// Whether it is an array.
    @inlinable public var isArray: Bool { token.kind == JSON_TOKEN_ARRAY.rawValue }
    /// Whether it is a string.
    @inlinable public var isString: Bool { token.kind == JSON_TOKEN_STRING.rawValue }
    /// Whether it is a number.
    @inlinable public var isNumber: Bool { token.kind == JSON_TOKEN_NUMBER.rawValue }
    /// Whether it is null.
    @inlinable public var isNull: Bool { token.kind == JSON_TOKEN_NULL.rawValue }

    /// A `true` or `false`; nil for anything else.
    @inlinable public var boolean: Bool? {
        switch UInt32(token.kind) {
        case JSON_TOKEN_TRUE.rawValue: true
        case JSON_TOKEN_FALSE.rawValue: false
        default: nil
        }
    }

    /// Where it stands in the text.
    @inlinable public var range: Range<Int> { Int(token.start)..<Int(token.end) }

    /// The value as it is spelled.
    public var spelling: String { unsafe String(decoding: document.bytes(range), as: UTF8.self) }

    /// The characters of a string; nil for anything else.
    public var string: String? {
        guard isString else { return nil }
        // They are UTF-8, which the tokenizer has checked. To copy them to their place is the fastest for short ones.
        let characters = unsafe characters
        return unsafe String(unsafeUninitializedCapacity: characters.count) { buffer in
            unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(from: characters)
            return characters.count
        }
    }

    /// The characters of a string.
    @inlinable @inline(__always) public var characters: UnsafeRawBufferPointer {
        let token = token
        let start = Int(token.characters)
        return unsafe document.bytes(start..<start + Int(token.length), unescaped: token.is_escaped != 0)
    }

    /// Whether the text of an identity, as `identifier` gives it, comes before another in the order of their bytes.
    public func precedesIdentifier(_ other: JSONValue) -> Bool {
        let (left, right) = unsafe (identifierBytes, other.identifierBytes)
        guard let leftStart = left.baseAddress, let rightStart = right.baseAddress else { return left.count < right.count }
        let order = unsafe memcmp(leftStart, rightStart, min(left.count, right.count))
        return order == 0 ? left.count < right.count : order < 0
    }

    /// The bytes of a string without its quotes, or of a number as it is spelled.
    private var identifierBytes: UnsafeRawBufferPointer { unsafe isString ? characters : document.bytes(range) }

    /// The length of a string in bytes of UTF-8.
    @inlinable public var characterCount: Int { Int(token.length) }

    /// True for a string of these characters, which are ASCII.
    public func equals(_ text: StaticString) -> Bool {
        guard isString, characterCount == text.utf8CodeUnitCount else { return false }
        return unsafe characters.elementsEqual(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// The characters of a string with the letters of ASCII made large; nil for anything else.
    public var uppercased: String? {
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
    public var integer: Int? {
        let token = token
        guard token.kind == JSON_TOKEN_STRING.rawValue || token.kind == JSON_TOKEN_NUMBER.rawValue else { return nil }
        let digits = unsafe token.kind == JSON_TOKEN_STRING.rawValue ? characters : document.bytes(Int(token.start)..<Int(token.end))
        let isNegative = unsafe digits.first == UInt8(ascii: "-")
        let firstDigit = isNegative ? 1 : 0
        guard digits.count > firstDigit else { return nil }
        var number = 0
        for index in firstDigit..<digits.count {
            let digit = unsafe Int(digits[index] &- 0x30)
            guard digit <= 9 else { return nil }
            // No number of 18 digits is too large.
            number = index < 18 ? number &* 10 &+ digit : Self.appending(digit, to: number)
        }
        return isNegative ? -number : number
    }

    /// A number with a digit more; the largest where there is none.
    private static func appending(_ digit: Int, to number: Int) -> Int {
        let (product, isTooLarge) = number.multipliedReportingOverflow(by: 10)
        let (sum, isTooLargeToo) = product.addingReportingOverflow(digit)
        return isTooLarge || isTooLargeToo || number == .max ? .max : sum
    }

    /// The values of an array, in order.
    @inlinable public var elements: JSONElements { JSONElements(document: document, position: index + 1, end: Int(token.next)) }

    /// Whether the value of this index is this one or in it.
    public func contains(_ index: Int) -> Bool { index >= self.index && index < Int(token.next) }

    /// True for an object or array with nothing in it.
    public var isEmpty: Bool { Int(token.next) == index + 1 }

    /// The members of an object, in order.
    @inlinable public var members: JSONMembers { JSONMembers(of: self) }
}

/// The values of an array, in order.
public struct JSONElements: Sequence, IteratorProtocol {
    @usableFromInline let document: JSONDocument
    @usableFromInline var position: Int
    @usableFromInline let end: Int

    @inlinable init(document: JSONDocument, position: Int, end: Int) {
        self.document = document
        self.position = position
        self.end = end
    }

    /// How many are left. They are counted.
    public var count: Int { reduce(0) { count, _ in count + 1 } }

    /// The next of them; nil behind the last.
    @inlinable public mutating func next() -> JSONValue? {
        guard position < end else { return nil }
        defer { position = Int(document.token(position).next) }
        return JSONValue(document: document, index: position)
    }
}

/// The members of an object, in order.
public struct JSONMembers: Sequence, IteratorProtocol {
    @usableFromInline let document: JSONDocument
    @usableFromInline var position: Int
    @usableFromInline let end: Int

    @inlinable init(of object: JSONValue) {
        document = object.document
        position = object.index + 1
        end = Int(object.token.next)
    }

    /// The next of them; nil behind the last.
    @inlinable public mutating func next() -> (name: JSONValue, value: JSONValue)? {
        guard position < end else { return nil }
        // The value is behind its name.
        let name = position
        position = Int(document.token(name + 1).next)
        return (JSONValue(document: document, index: name), JSONValue(document: document, index: name + 1))
    }
}
