/// The fields that an object of a job may have. Fields it does not name are nobody's business here.
struct FieldTable<let count: Int>: Sendable {
    private let names: InlineArray<count, StaticString>

    init(_ names: InlineArray<count, StaticString>) { self.names = names }

    /// Finds the fields of an object.
    ///
    /// - Throws: where one is there twice, for then nobody knows which is meant.
    func find(in object: JSONValue, at path: JSONPath) throws(RequestError) -> Fields<count> {
        var fields = Fields<count>(object: object, path: path, names: names)
        for (name, value) in object.members {
            for index in 0..<count where name.equals(names[index]) {
                if fields.found[index] != 0 {
                    throw .fail("\(path.field(names[index])): appears twice; which one is meant?")
                }
                fields.found[index] = Int32(truncatingIfNeeded: value.index)
                break
            }
        }
        return fields
    }
}

/// The fields of an object, by their place in the table.
struct Fields<let count: Int> {
    let object: JSONValue
    let path: JSONPath
    fileprivate let names: InlineArray<count, StaticString>
    /// The index of each value in the document; 0, which is the job itself, where there is none.
    fileprivate var found = InlineArray<count, Int32>(repeating: 0)

    /// A field; nil where it is absent.
    subscript(index: Int) -> Field? {
        found[index] == 0
            ? nil : Field(value: JSONValue(document: object.document, index: Int(found[index])), path: path.field(names[index]))
    }

    /// A field; nil where it is absent or null.
    func unlessNull(_ index: Int) -> Field? {
        guard let field = self[index], !field.value.isNull else { return nil }
        return field
    }
}

/// A field and where it stands.
struct Field {
    let value: JSONValue
    let path: JSONPath

    /// A FAIL that names the path, shows the value, and says what is wrong with it.
    func wrong(_ complaint: String) -> RequestError {
        let spelling = value.spelling
        let shown = spelling.utf8.count > 60 ? String(decoding: spelling.utf8.prefix(60), as: UTF8.self) + "…" : spelling
        return .fail("\(path): \(shown) \(complaint)")
    }

    /// The value as a string.
    func string(_ meaning: StaticString) throws(RequestError) -> String {
        guard let string = value.string else { throw wrong("is not \(meaning) (a string)") }
        return string
    }

    /// The value as one of the names of an enumeration, in any case.
    func oneOf<Choice: CaseIterable & RawRepresentable<String>>(_ type: Choice.Type, _ meaning: StaticString) throws(RequestError) -> Choice
    {
        guard let name = value.uppercased, let choice = Choice(rawValue: name) else {
            throw wrong("is not \(meaning) (\(Choice.allCases.map(\.rawValue).joined(separator: ", ")))")
        }
        return choice
    }

    /// The value as a whole number, spelled as a number or a string.
    func integer(_ meaning: StaticString, _ range: ClosedRange<Int>) throws(RequestError) -> Int {
        guard let number = value.integer, range.contains(number) else {
            throw wrong("is not \(meaning) (\(range.lowerBound) to \(range.upperBound))")
        }
        return number
    }

    /// The value as a port.
    func port() throws(RequestError) -> UInt16 { UInt16(try integer("a port", 1...65_535)) }

    /// The value as a true or false.
    func boolean(_ meaning: StaticString) throws(RequestError) -> Bool {
        guard let truth = value.boolean else { throw wrong("is not \(meaning) (true or false)") }
        return truth
    }

    /// The value, which must be an object.
    func object() throws(RequestError) -> JSONValue {
        guard value.isObject else { throw wrong("is not an object") }
        return value
    }

    /// The elements of the value, which must be a list.
    func list() throws(RequestError) -> JSONElements {
        guard value.isArray else { throw wrong("is not a list") }
        return value.elements
    }
}
