public import LBaaS

/// An address that one host of several has.
public struct VirtualIP: Hashable, Sendable {
    /// What is promised where not all can be had.
    public enum Policy: Hashable, Sendable {
        /// Some host always has the address, and for a time perhaps two.
        case atLeastOne
        /// No two hosts ever answer for the address, and for a time perhaps none.
        case atMostOne(fence: Fence)
    }

    /// What keeps this host from answering for an address that may be another's by now, if its worker does not.
    public enum Fence: Hashable, Sendable {
        /// The kernel's packet filter, which shuts when the right ends.
        case kernel
        /// Nothing but the lifetime of the address: up to two seconds more.
        case none
    }

    /// The address. IPv4 or IPv6; it is bound with a prefix of its whole length.
    public var address: IPAddress
    /// The name of the interface that has it, such as `eth0`. It may come later.
    public var interface: String
    /// What is promised.
    public var policy: Policy

    /// A virtual IP.
    ///
    /// - Throws: `invalid` with a sentence where the address cannot be one, or the interface has no name.
    public init(address: IPAddress, interface: String, policy: Policy = .atLeastOne) throws(VirtualIPError) {
        if let reason = address.reasonAgainstVirtualIP {
            throw VirtualIPError(.invalid, "\(address) cannot be a virtual IP: it is \(reason)")
        }
        // As the kernel has it (`dev_valid_name`).
        let name = interface.utf8
        let isName =
            (1...15).contains(name.count) && interface != "." && interface != ".."
            && name.allSatisfy { $0 > 0x20 && $0 != 0x2F && $0 != 0x3A && $0 != 0x7F }
        guard isName else {
            throw VirtualIPError(
                .invalid, "'\(interface)' is not a name of an interface: 1 to 15 letters without spaces, slashes and colons")
        }
        self.address = address
        self.interface = interface
        self.policy = policy
    }
}

extension VirtualIP {
    /// Whether the kernel's packet filter guards it.
    var isFenced: Bool { policy == .atMostOne(fence: .kernel) }

    /// Whether nobody may have it without a right that has an end.
    var isAtMostOne: Bool { policy != .atLeastOne }
}

extension IPAddress {
    /// Why it cannot be the address of one host among several; nil where it can.
    fileprivate var reasonAgainstVirtualIP: String? {
        switch self {
        case .v4(let bits):
            switch bits >> 24 {
            case 0: return "an unspecified address"
            case 127: return "a loopback address"
            case 224...239: return "a multicast address"
            default: return bits == .max ? "the broadcast address" : nil
            }
        case .v6(let high, let low):
            if high == 0, low == 0 { return "an unspecified address" }
            if high == 0, low == 1 { return "a loopback address" }
            return high >> 56 == 0xFF ? "a multicast address" : nil
        }
    }
}

/// Why a virtual IP is not taken, or the host does not serve them.
public struct VirtualIPError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable {
        /// The virtual IP cannot be one.
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
