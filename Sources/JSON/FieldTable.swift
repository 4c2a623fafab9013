/// The fields that an object may have. Other fields are passed over.
///
/// `Name` has a case for each of them, in the order of the table.
public struct FieldTable<Name: RawRepresentable<Int>>: Sendable {
    @usableFromInline let names: FieldNames

    /// A table of 24 names of ASCII at most.
    public init(_ names: [String]) { self.names = FieldNames(names) }

    /// Finds the fields of an object.
    ///
    /// - Throws: where a field is there twice.
    @inlinable public func find(in object: JSONValue) throws(FieldError) -> Fields<Name> {
        Fields(places: try names.find(in: object), names: names)
    }

    /// The names of the fields, in order.
    public var all: [String] { names.keys.texts }

    /// The first member of an object that is none of these fields; nil where all are.
    public func stranger(in object: JSONValue) -> String? {
        object.members.first { names.place(of: $0.name) == nil }.map { $0.name.string ?? "" }
    }
}

/// The names of a table.
public struct FieldNames: Sendable {
    let keys: JSONKeys

    @usableFromInline init(_ names: [String]) {
        precondition(names.count <= FieldPlaces.most)
        keys = JSONKeys(names)
    }

    func place(of name: JSONValue) -> Int? { keys.place(of: name) }

    /// Finds the fields of an object.
    ///
    /// - Throws: where a field is there twice.
    public func find(in object: JSONValue) throws(FieldError) -> FieldPlaces {
        var places = FieldPlaces(object: object)
        for (name, value) in object.members {
            guard let place = place(of: name) else {
                if places.nearMiss == nil, let field = keys.texts.firstIndex(where: { name.isNearMiss(of: $0) }) {
                    places.nearMiss = (Int32(truncatingIfNeeded: name.index), Int32(truncatingIfNeeded: field))
                }
                continue
            }
            if places.found[place] != 0 { throw .invalid("\(value.path): appears twice; which one is meant?") }
            places.found[place] = Int32(truncatingIfNeeded: value.index)
        }
        return places
    }

    /// Refuses a field that is mistyped.
    public func refuseNearMiss(_ places: FieldPlaces) throws(FieldError) {
        guard let nearMiss = places.nearMiss else { return }
        let name = (JSONValue(document: places.object.document, index: Int(nearMiss.name)).string ?? "").shortened
        throw .invalid("\(places.object.path(of: name)): is not a field; did you mean \(keys.texts[Int(nearMiss.field)])?")
    }
}

/// Where the fields of an object are.
public struct FieldPlaces {
    /// The most fields of a table.
    static let most = 24

    /// The object.
    public let object: JSONValue
    /// The index of each value in the document; 0, which is the root, where there is none.
    public fileprivate(set) var found = InlineArray<24, Int32>(repeating: 0)

    /// The first name that is no field but one mistyped: its index in the document, and the place of the field that it is mistyped for.
    var nearMiss: (name: Int32, field: Int32)?
    /// Whether a name is a field mistyped.
    public var hasNearMiss: Bool { nearMiss != nil }

    init(object: JSONValue) { self.object = object }
}

/// The fields of an object.
///
/// Whoever reads them calls `refuseNearMiss`, after what a missing field is answered with.
public struct Fields<Name: RawRepresentable<Int>> {
    @usableFromInline let places: FieldPlaces
    @usableFromInline let names: FieldNames

    @inlinable init(places: FieldPlaces, names: FieldNames) {
        self.places = places
        self.names = names
    }

    /// The object that has them.
    @inlinable public var object: JSONValue { places.object }

    /// A field; nil where it is absent.
    @inlinable public subscript(name: Name) -> JSONValue? {
        let index = places.found[name.rawValue]
        return index == 0 ? nil : JSONValue(document: places.object.document, index: Int(index))
    }

    /// Refuses a field that is mistyped, for to pass it over would do another thing than was asked for.
    @inlinable public func refuseNearMiss() throws(FieldError) {
        if places.hasNearMiss { try names.refuseNearMiss(places) }
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
