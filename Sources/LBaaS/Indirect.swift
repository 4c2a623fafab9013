/// Keeps an optional value behind a reference, with the semantics of the value.
///
/// A load balancer is handed on many times for each time it is changed. What most of them do not have, or what is large, costs
/// one reference so and not its whole size.
@propertyWrapper public struct Indirect<Value: Hashable & Sendable>: Hashable, Sendable {
    private final class Box: Sendable {
        let value: Value

        init(_ value: Value) { self.value = value }
    }

    private var box: Box?

    /// A value behind a reference, or none.
    public init(wrappedValue: Value?) { box = wrappedValue.map(Box.init) }

    /// The value.
    public var wrappedValue: Value? {
        get { box?.value }
        set { box = newValue.map(Box.init) }
    }

    /// Compares the values.
    public static func == (left: Self, right: Self) -> Bool {
        if left.box === right.box { return true }
        guard let left = left.box, let right = right.box else { return false }
        return left.value == right.value
    }

    /// Hashes the value.
    public func hash(into hasher: inout Hasher) { hasher.combine(wrappedValue) }
}
