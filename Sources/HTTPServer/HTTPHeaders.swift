/// The header fields of a request, in their order.
package struct HTTPHeaders: Sendable {
    struct Field {
        let name: Range<Int>
        let value: Range<Int>
    }

    private var bytes: [UInt8] = []
    private var fields: [Field] = []

    /// No fields, with room for so many bytes.
    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// Adds a field.
    package mutating func add(_ name: some Collection<UInt8>, _ value: some Collection<UInt8>) {
        let start = bytes.count
        bytes.append(contentsOf: name)
        let middle = bytes.count
        bytes.append(contentsOf: value)
        fields.append(Field(name: start..<middle, value: middle..<bytes.count))
    }

    /// How many fields there are.
    package var count: Int { fields.count }

    /// The bytes of the name and of the value of a field.
    func sizes(at place: Int) -> (name: Int, value: Int) { (fields[place].name.count, fields[place].value.count) }

    /// The value of the first field of a name, in whatever letters the name is; nil where there is none.
    package subscript(name: StaticString) -> String? {
        fields.first { has($0, name) }.map { String(decoding: bytes[$0.value], as: UTF8.self) }
    }

    /// The values of all fields of a name.
    package func all(_ name: StaticString) -> [String] {
        fields.filter { has($0, name) }.map { String(decoding: bytes[$0.value], as: UTF8.self) }
    }

    /// The values of all fields of a name, in whatever letters it is.
    package func all(named name: String) -> [String] {
        let small = name.utf8.map(lowercase)
        return fields.filter { bytes[$0.name].elementsEqual(small, by: { lowercase($0) == $1 }) }
            .map { String(decoding: bytes[$0.value], as: UTF8.self) }
    }

    private func has(_ field: Field, _ name: StaticString) -> Bool {
        guard field.name.count == name.utf8CodeUnitCount else { return false }
        return unsafe bytes.withUnsafeBufferPointer { bytes in
            for place in 0..<field.name.count
            where unsafe lowercase(bytes[field.name.lowerBound + place]) != lowercase(name.utf8Start[place]) {
                return false
            }
            return true
        }
    }
}

/// A letter of ASCII as a small letter; any other byte as it is.
func lowercase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
