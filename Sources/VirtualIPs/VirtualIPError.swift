import LBaaS

extension VirtualIP {
    /// Whether the kernel's packet filter guards it.
    var isFenced: Bool { policy == .atMostOne(fence: .kernel) }

    /// Whether nobody may have it without a right that has an end.
    var isAtMostOne: Bool { policy != .atLeastOne }
}

/// Why the host does not serve virtual IPs, or not this one.
public struct VirtualIPError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable {
        /// The virtual IP cannot be one of this host.
        case invalid
        /// The kernel cannot keep the promise of its policy.
        case unsupported
        /// The host has no descriptors or threads to spare, or the process lacks a capability.
        case system
    }

    /// What kind of failure it is.
    public let code: Code
    /// What is wrong, where, and what to do.
    public let message: String

    /// The message.
    public var description: String { message }

    /// A failure.
    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
