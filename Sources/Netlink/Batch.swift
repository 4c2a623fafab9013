/// A family of generic netlink, as the kernel numbers it while it runs.
public struct Family: Hashable, Sendable {
    /// The type of its messages.
    public let id: UInt16
    /// The version of its messages.
    public let version: UInt8

    /// A family of this number and version.
    public init(id: UInt16, version: UInt8) {
        self.id = id
        self.version = version
    }

    /// The family that knows the others, `nlctrl`.
    public static let controller = Family(id: 16, version: 2)
}

/// Requests to one family, which go to the kernel together and in their order.
///
/// The kernel carries out each of them for itself: where it refuses one, it goes on with the next.
public struct Batch: ~Copyable {
    /// Whom the requests are for.
    public let family: Family
    @usableFromInline var requests: RequestList

    /// No request yet.
    ///
    /// - Parameter capacity: room in bytes; there is more where it is not enough.
    public init(_ family: Family, capacity: Int = 65536) {
        self.family = family
        requests = RequestList(capacity: capacity)
    }

    /// How many requests there are.
    public var count: Int { requests.count }

    /// Whether there is no request.
    public var isEmpty: Bool { requests.count == 0 }

    /// Appends a request.
    ///
    /// - Parameters:
    ///   - command: what the family is to do.
    ///   - write: writes the attributes.
    @inlinable public mutating func append(command: UInt8, _ write: (inout MessageWriter) -> Void = { _ in }) {
        requests.append(family, command: command, flags: 0, write)
    }

    /// Forgets the requests, and keeps the memory for others.
    public mutating func removeAll() { requests.removeAll() }
}

extension Batch {
    /// Why a request was not carried out.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// Which request it is, counted from 0.
        public let index: Int
        /// The kernel's error number, such as `ENOENT`; `EMSGSIZE` for one that is too long to be sent (an attribute may have 65,531 bytes, a
        /// request 65,532).
        public let number: Int32
        /// What the kernel says about it, where it does.
        public let message: String?

        /// What the number means, and what the kernel says.
        public var description: String { errorText(number, message) }
    }
}

extension RequestList {
    /// Appends a request to a family of generic netlink, with flags besides `NLM_F_REQUEST`.
    @inlinable mutating func append(_ family: Family, command: UInt8, flags: UInt16, _ write: (inout MessageWriter) -> Void) {
        append(type: family.id, flags: flags) { message in
            message.append(command, family.version, 0)
            write(&message)
        }
    }
}
