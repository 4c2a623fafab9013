import Glibc

/// Text that tells one thing from another, byte for byte.
///
/// Not a `String`, to which "é" in one character and in two are the same: to a client, a database and an appliance they are not.
public protocol Identifier: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The text as the client sent it; any characters, never empty.
    var text: String { get }

    /// An identifier with this text.
    init(_ text: String)
}

extension Identifier {
    /// An identifier with this text.
    public init(stringLiteral text: String) { self.init(text) }

    /// The text.
    public var description: String { text }

    /// Compares byte for byte.
    ///
    /// What differs as a string differs in its bytes too, and that is found much faster.
    public static func == (left: Self, right: Self) -> Bool { left.text == right.text && left.order(to: right) == 0 }

    /// The order of the bytes.
    public static func < (left: Self, right: Self) -> Bool { left.order(to: right) < 0 }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { hasher.combine(Self.code(of: text)) }

    fileprivate static func code(of text: String) -> Int {
        var hasher = Hasher()
        unsafe text.withBytes { bytes in unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes)) }
        return hasher.finalize()
    }

    fileprivate func order(to other: Self) -> Int {
        unsafe text.withBytes { left in
            unsafe other.text.withBytes { right in
                guard let leftStart = left.baseAddress, let rightStart = right.baseAddress else { return left.count - right.count }
                let order = unsafe memcmp(leftStart, rightStart, min(left.count, right.count))
                return order == 0 ? left.count - right.count : Int(order)
            }
        }
    }
}

/// What tells one load balancer from another: its `id`, else its `name`, else its lower-case protocol.
public struct LoadBalancerID: Identifier {
    /// The text as the client sent it; any characters, never empty.
    public let text: String
    /// The hash of the bytes, worked out once: a job looks its load balancer up in a dozen tables.
    @usableFromInline let code: Int

    /// An identity with this text.
    public init(_ text: String) {
        self.text = text
        code = Self.code(of: text)
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { hasher.combine(code) }

    /// Compares byte for byte: strings that are the same and of which the bytes have the same hash, of 64 bits with a random key.
    public static func == (left: Self, right: Self) -> Bool { left.code == right.code && left.text == right.text }
}

/// What tells a node from the others of its load balancer.
public struct NodeID: Identifier {
    /// The text as the client sent it; any characters, never empty.
    public let text: String

    /// An identity with this text.
    public init(_ text: String) { self.text = text }
}
