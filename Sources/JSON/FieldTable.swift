/// The fields that an object may have. Other fields are passed over.
///
/// `Name` has a case for each of them, in the order of the table.
package struct FieldTable<Name: RawRepresentable<Int>, let count: Int>: Sendable {
    @usableFromInline let names: InlineArray<count, StaticString>

    @inlinable package init(_ names: InlineArray<count, StaticString>) { self.names = names }

    /// Finds the fields of an object.
    ///
    /// - Throws: where a field is there twice.
    @inlinable package func find(in object: JSONValue) throws(FieldError) -> Fields<Name, count> {
        var fields = Fields<Name, count>(object: object)
        for (name, value) in object.members {
            guard let index = name.place(among: names) else {
                if fields.nearMiss == nil { fields.nearMiss = nearMiss(name) }
                continue
            }
            if fields.found[index] != 0 { throw .invalid("\(value.path): appears twice; which one is meant?") }
            fields.found[index] = Int32(truncatingIfNeeded: value.index)
        }
        return fields
    }

    /// The field that an unknown name is mistyped for.
    @inlinable func nearMiss(_ name: JSONValue) -> Fields<Name, count>.NearMiss? {
        for index in 0..<count where name.isNearMiss(of: names[index]) { return (name, names[index]) }
        return nil
    }

    /// The names of the fields, in order.
    @inlinable package var all: [String] { names.indices.map { names[$0].description } }

    /// The first member of an object that is none of these fields; nil where all are.
    @inlinable package func stranger(in object: JSONValue) -> String? {
        object.members.first { $0.name.place(among: names) == nil }.map { $0.name.string ?? "" }
    }
}

/// The fields of an object.
///
/// Whoever reads them calls `refuseNearMiss`, after what a missing field is answered with.
package struct Fields<Name: RawRepresentable<Int>, let count: Int> {
    package let object: JSONValue
    /// The index of each value in the document; 0, which is the root, where there is none.
    @usableFromInline var found = InlineArray<count, Int32>(repeating: 0)

    /// A name that is no field, and the field that it is mistyped for.
    @usableFromInline typealias NearMiss = (name: JSONValue, field: StaticString)
    /// The first of them.
    @usableFromInline var nearMiss: NearMiss?

    @inlinable init(object: JSONValue) { self.object = object }

    /// A field; nil where it is absent.
    @inlinable package subscript(name: Name) -> JSONValue? {
        let index = found[name.rawValue]
        return index == 0 ? nil : JSONValue(document: object.document, index: Int(index))
    }

    /// Refuses a field that is mistyped, for to pass it over would do another thing than was asked for.
    @inlinable package func refuseNearMiss() throws(FieldError) {
        guard let nearMiss else { return }
        let name = (nearMiss.name.string ?? "").shortened
        throw .invalid("\(object.path(of: name)): is not a field; did you mean \(nearMiss.field)?")
    }

    /// A field; nil where it is absent or null.
    @inlinable package func unlessNull(_ name: Name) -> JSONValue? {
        guard let field = self[name], !field.isNull else { return nil }
        return field
    }
}

// A value as a field, which must be of some kind.
extension JSONValue {
    /// A FAIL that names the path, shows the value, and says what is wrong with it.
    package func wrong(_ complaint: String) -> FieldError {
        .invalid("\(path): \(spelling.shortened) \(complaint)")
    }

    /// The value as a string.
    package func string(_ meaning: StaticString) throws(FieldError) -> String {
        guard let string else { throw wrong("is not \(meaning) (a string)") }
        return string
    }

    /// The value as one of the names of an enumeration, in any case.
    @inlinable package func oneOf<Choice: CaseIterable & RawRepresentable<String>>(
        _ type: Choice.Type, _ meaning: StaticString
    ) throws(FieldError) -> Choice {
        guard let name = uppercased, let choice = Choice(rawValue: name) else {
            throw wrong("is not \(meaning) (\(Choice.allCases.map(\.rawValue).joined(separator: ", ")))")
        }
        return choice
    }

    /// The value, whose text or spelling has so many bytes at most.
    package func within(_ limit: Int) throws(FieldError) -> JSONValue {
        let length = isString ? characterCount : range.count
        guard length <= limit else { throw wrong("has \(length) bytes; it may have \(limit)") }
        return self
    }

    /// The value as a whole number, spelled as a number or a string.
    package func integer(_ meaning: StaticString, _ range: ClosedRange<Int>) throws(FieldError) -> Int {
        guard let number = integer, range.contains(number) else {
            throw wrong("is not \(meaning) (\(range.lowerBound) to \(range.upperBound))")
        }
        return number
    }

    /// The value as a port.
    package func port() throws(FieldError) -> UInt16 { UInt16(try integer("a port", 1...65_535)) }

    /// The value as a true or false.
    package func boolean(_ meaning: StaticString) throws(FieldError) -> Bool {
        guard let boolean else { throw wrong("is not \(meaning) (true or false)") }
        return boolean
    }

    /// The value, which must be an object.
    package func object() throws(FieldError) -> JSONValue {
        guard isObject else { throw wrong("is not an object") }
        return self
    }

    /// The elements of the value, which must be a list.
    package func list() throws(FieldError) -> JSONElements {
        guard isArray else { throw wrong("is not a list") }
        return elements
    }

    /// The text of an identity: a string, or a number as it is spelled.
    package func identifier() throws(FieldError) -> String {
        if let string { return string }
        if isNumber { return spelling }
        throw wrong("is not an id (a string or a number)")
    }
}

extension String {
    /// The text for a sentence: its first 60 bytes where it is longer.
    package var shortened: String { utf8.count > 60 ? String(decoding: utf8.prefix(60), as: UTF8.self) + "…" : self }
}
