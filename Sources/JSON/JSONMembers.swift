// Members of objects of a form that is known, one at a time.

extension JSONValue {
    /// A member; nil where it is absent, or this is no object.
    package subscript(name: StaticString) -> JSONValue? {
        guard isObject else { return nil }
        return members.first { $0.name.equals(name) }?.value
    }

    /// A member as a truth value; false where it is absent.
    package func flag(_ name: StaticString) -> Bool { self[name]?.boolean ?? false }

    /// A member as text; nil where it is absent.
    package func text(_ name: StaticString) -> String? { self[name]?.string }

    /// The elements of a member that is a list; none where it is absent, or is no list.
    package func elements(of name: StaticString) -> [JSONValue] {
        guard let value = self[name], value.isArray else { return [] }
        return Array(value.elements)
    }
}
