/// A field that an object may have. An enumeration has a case for each, in the order of its table.
public protocol FieldName: RawRepresentable<Int> {
    /// The names of all of them.
    static var table: FieldTable<Self> { get }
}

/// The fields that an object may have. Other fields are passed over.
public struct FieldTable<Name: FieldName>: Sendable {
    @usableFromInline let keys: JSONKeys

    /// A table of 24 names of ASCII at most. They are found fastest in the order in which objects mostly have them.
    public init(_ names: [String]) {
        keys = JSONKeys(names)
        precondition(names.count <= Fields<Name>.most)
    }

    /// Finds the fields of an object.
    ///
    /// - Throws: where a field is there twice.
    @inlinable public func find(in object: JSONValue) throws(FieldError) -> Fields<Name> {
        var fields = Fields<Name>(object: object)
        var expected = 0
        for (name, value) in object.members {
            if let place = keys.place(of: name, expected: expected) {
                if fields.found[place] != 0 { throw value.isRepeated }
                fields.found[place] = Int32(truncatingIfNeeded: value.index)
                expected = place + 1
            } else if fields.mistyped == 0, keys.nearMiss(of: name) != nil {
                fields.mistyped = Int32(truncatingIfNeeded: name.index)
            }
        }
        return fields
    }

    /// The names of the fields, in order.
    public var all: [String] { keys.texts }

    /// The first member of an object that is none of these fields; nil where all are.
    public func stranger(in object: JSONValue) -> String? {
        object.members.first { keys.place(of: $0.name) == nil }.map { $0.name.string ?? "" }
    }
}

/// The fields of an object.
///
/// Whoever reads them calls `refuseNearMiss`, after what a missing field is answered with.
public struct Fields<Name: FieldName> {
    /// The most fields of a table.
    static var most: Int { 24 }

    /// The object that has them.
    public let object: JSONValue
    /// The index of each value in the document; 0, which is the root, where there is none.
    @usableFromInline var found: InlineArray<24, Int32>
    /// The index of the first name that is no field but one mistyped; 0 where there is none.
    @usableFromInline var mistyped: Int32 = 0

    @inlinable init(object: JSONValue) {
        self.object = object
        found = InlineArray(repeating: 0)
    }

    /// A field; nil where it is absent.
    @inlinable public subscript(name: Name) -> JSONValue? {
        let index = found[name.rawValue]
        return index == 0 ? nil : JSONValue(document: object.document, index: Int(index))
    }

    /// Refuses a field that is mistyped, for to pass it over would do another thing than was asked for.
    @inlinable public func refuseNearMiss() throws(FieldError) {
        if mistyped != 0 { throw nearMiss }
    }

    @usableFromInline var nearMiss: FieldError {
        let name = JSONValue(document: object.document, index: Int(mistyped))
        return .invalid(
            "\(object.path(of: (name.string ?? "").shortened)): is not a field; did you mean \(Name.table.keys.nearMiss(of: name) ?? "")?")
    }

    /// A field; nil where it is absent or null.
    @inlinable public func unlessNull(_ name: Name) -> JSONValue? {
        guard let field = self[name], !field.isNull else { return nil }
        return field
    }
}

/// The names of an enumeration's cases, to be found in any case of their letters.
public struct Choices<Choice: CaseIterable & RawRepresentable<String> & Sendable>: Sendable {
    @usableFromInline let keys: JSONKeys
    @usableFromInline let cases: [Choice]

    /// The names, which are capitals of ASCII.
    public init(_ type: Choice.Type) {
        cases = Array(type.allCases)
        keys = JSONKeys(cases.map(\.rawValue))
    }
}

// A value as a field, which must be of some kind.
extension JSONValue {
    /// A FAIL of a field that is there already.
    @usableFromInline var isRepeated: FieldError { .invalid("\(path): appears twice; which one is meant?") }

    /// A FAIL that names the path, shows the value, and says what is wrong with it.
    public func wrong(_ complaint: String) -> FieldError {
        .invalid("\(path): \(spelling.shortened) \(complaint)")
    }

    /// The value as a string.
    public func string(_ meaning: StaticString) throws(FieldError) -> String {
        guard let string else { throw wrong("is not \(meaning) (a string)") }
        return string
    }

    /// The value as one of the names of an enumeration, in any case.
    @inlinable public func oneOf<Choice>(_ choices: Choices<Choice>, _ meaning: StaticString) throws(FieldError) -> Choice {
        if isString, let place = choices.keys.place(of: self) { return choices.cases[place] }
        guard let name = uppercased, let choice = Choice(rawValue: name) else {
            throw wrong("is not \(meaning) (\(choices.cases.map(\.rawValue).joined(separator: ", ")))")
        }
        return choice
    }

    /// The value, whose text or spelling has so many bytes at most.
    public func within(_ limit: Int) throws(FieldError) -> JSONValue {
        let length = isString ? characterCount : range.count
        guard length <= limit else { throw wrong("has \(length) bytes; it may have \(limit)") }
        return self
    }

    /// The value as a whole number, spelled as a number or a string.
    public func integer(_ meaning: StaticString, _ range: ClosedRange<Int>) throws(FieldError) -> Int {
        guard let number = integer, range.contains(number) else {
            throw wrong("is not \(meaning) (\(range.lowerBound) to \(range.upperBound))")
        }
        return number
    }

    /// The value as a port.
    public func port() throws(FieldError) -> UInt16 { UInt16(try integer("a port", 1...65_535)) }

    /// The value as a true or false.
    public func boolean(_ meaning: StaticString) throws(FieldError) -> Bool {
        guard let boolean else { throw wrong("is not \(meaning) (true or false)") }
        return boolean
    }

    /// The value, which must be an object.
    public func object() throws(FieldError) -> JSONValue {
        guard isObject else { throw wrong("is not an object") }
        return self
    }

    /// The elements of the value, which must be a list.
    public func list() throws(FieldError) -> JSONElements {
        guard isArray else { throw wrong("is not a list") }
        return elements
    }

    /// The text of an identity: a string, or a number as it is spelled.
    public func identifier() throws(FieldError) -> String {
        if let string { return string }
        if isNumber { return spelling }
        throw wrong("is not an id (a string or a number)")
    }
}

extension String {
    /// The text for a sentence: its first 60 bytes where it is longer.
    public var shortened: String { utf8.count > 60 ? String(decoding: utf8.prefix(60), as: UTF8.self) + "…" : self }
}
