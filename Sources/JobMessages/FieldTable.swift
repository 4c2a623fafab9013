/// The fields that an object of a job may have. Fields it does not name are nobody's business here.
///
/// `Name` has a case for each of them, in the order of the table.
struct FieldTable<Name: RawRepresentable<Int>, let count: Int>: Sendable {
    private let names: InlineArray<count, StaticString>

    init(_ names: InlineArray<count, StaticString>) { self.names = names }

    /// Finds the fields of an object.
    ///
    /// - Throws: where one is there twice, for then nobody knows which is meant.
    func find(in object: JSONValue) throws(RequestError) -> Fields<Name, count> {
        var fields = Fields<Name, count>(object: object)
        for (name, value) in object.members {
            guard let index = name.place(among: names) else { continue }
            if fields.found[index] != 0 { throw .fail("\(value.path): appears twice; which one is meant?") }
            fields.found[index] = Int32(truncatingIfNeeded: value.index)
        }
        return fields
    }

    /// The names of the fields, in order.
    var all: [String] { names.indices.map { names[$0].description } }

    /// The first member of an object that is none of these fields; nil where all are.
    func stranger(in object: JSONValue) -> String? {
        object.members.first { $0.name.place(among: names) == nil }.map { $0.name.string ?? "" }
    }
}

/// The fields of an object.
struct Fields<Name: RawRepresentable<Int>, let count: Int> {
    let object: JSONValue
    /// The index of each value in the document; 0, which is the job itself, where there is none.
    fileprivate var found = InlineArray<count, Int32>(repeating: 0)

    fileprivate init(object: JSONValue) { self.object = object }

    /// A field; nil where it is absent.
    subscript(name: Name) -> JSONValue? {
        let index = found[name.rawValue]
        return index == 0 ? nil : JSONValue(document: object.document, index: Int(index))
    }

    /// A field; nil where it is absent or null.
    func unlessNull(_ name: Name) -> JSONValue? {
        guard let field = self[name], !field.isNull else { return nil }
        return field
    }
}

// A value as a field of a job, which must be of some kind.
extension JSONValue {
    /// A FAIL that names the path, shows the value, and says what is wrong with it.
    func wrong(_ complaint: String) -> RequestError {
        .fail("\(path): \(spelling.shortened) \(complaint)")
    }

    /// The value as a string.
    func string(_ meaning: StaticString) throws(RequestError) -> String {
        guard let string else { throw wrong("is not \(meaning) (a string)") }
        return string
    }

    /// The value as one of the names of an enumeration, in any case.
    func oneOf<Choice: CaseIterable & RawRepresentable<String>>(_ type: Choice.Type, _ meaning: StaticString) throws(RequestError) -> Choice
    {
        guard let name = uppercased, let choice = Choice(rawValue: name) else {
            throw wrong("is not \(meaning) (\(Choice.allCases.map(\.rawValue).joined(separator: ", ")))")
        }
        return choice
    }

    /// The value as a whole number, spelled as a number or a string.
    func integer(_ meaning: StaticString, _ range: ClosedRange<Int>) throws(RequestError) -> Int {
        guard let number = integer, range.contains(number) else {
            throw wrong("is not \(meaning) (\(range.lowerBound) to \(range.upperBound))")
        }
        return number
    }

    /// The value as a port.
    func port() throws(RequestError) -> UInt16 { UInt16(try integer("a port", 1...65_535)) }

    /// The value as a true or false.
    func boolean(_ meaning: StaticString) throws(RequestError) -> Bool {
        guard let boolean else { throw wrong("is not \(meaning) (true or false)") }
        return boolean
    }

    /// The value, which must be an object.
    func object() throws(RequestError) -> JSONValue {
        guard isObject else { throw wrong("is not an object") }
        return self
    }

    /// The elements of the value, which must be a list.
    func list() throws(RequestError) -> JSONElements {
        guard isArray else { throw wrong("is not a list") }
        return elements
    }

    /// The text of an identity: a string, or a number as it is spelled.
    func identifier() throws(RequestError) -> String {
        if let string { return string }
        if isNumber { return spelling }
        throw wrong("is not an id (a string or a number)")
    }
}

extension String {
    /// The text for a sentence: its first 60 bytes where it is longer.
    var shortened: String { utf8.count > 60 ? String(decoding: utf8.prefix(60), as: UTF8.self) + "…" : self }
}
