/// What tells an object from the others of its kind.
package struct ObjectKey: Hashable, Sendable {
    /// The namespace; empty for objects that are in none.
    package let namespace: String
    /// The name in the namespace.
    package let name: String

    /// A key.
    package init(namespace: String = "", name: String) { (self.namespace, self.name) = (namespace, name) }
}

extension ObjectKey: Comparable, CustomStringConvertible {
    /// By namespace, then by name.
    package static func < (left: Self, right: Self) -> Bool { (left.namespace, left.name) < (right.namespace, right.name) }

    /// `shop/web`, `n1`
    package var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
}
