import LBaaS

/// Which object stores ARCHIVE may send logs to: a job names the store, and the worker's host may reach what the job's author does not.
struct ArchiveEndpoints: Hashable, Sendable {
    /// An entry of `archive_endpoints`.
    fileprivate struct Entry: Hashable, Sendable {
        enum Place: Hashable, Sendable {
            /// A host by its name, whatever its address.
            case name(String)
            /// All addresses with the same first bits.
            case network(IPAddress, length: Int)
        }

        let place: Place
        /// nil for every port.
        let port: UInt16?
    }

    /// nil for all but those that the host has for itself.
    private let entries: [Entry]?

    /// Every address but those of the host itself, of its links, and of groups.
    static let usual = ArchiveEndpoints(entries: nil)

    private init(entries: [Entry]?) { self.entries = entries }

    /// Reads entries: `HOST`, `HOST:PORT`, an address, with an IPv6 address in brackets where a port follows, or `ADDRESS/LENGTH`.
    ///
    /// - Throws: with the first that is none of these.
    init(_ texts: [String]) throws(NotAnEndpoint) {
        var entries: [Entry] = []
        for text in texts {
            guard let entry = Entry(text) else { throw NotAnEndpoint(text: text) }
            entries.append(entry)
        }
        self.entries = entries
    }

    /// A text that is no entry.
    struct NotAnEndpoint: Error {
        let text: String
    }

    /// Whether a store is allowed by what the job calls it, whatever its address.
    func allows(host: String, port: UInt16) -> Bool {
        let literal = IPAddress(host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host)
        return entries?.contains { entry in
            guard entry.port == nil || entry.port == port else { return false }
            return switch entry.place {
            case .name(let name): name == host.lowercased()
            case .network: literal.map { entry.contains($0) } ?? false
            }
        } ?? false
    }

    /// Why nothing is sent to an address; nil where it may be.
    func refusal(of address: IPAddress, port: UInt16) -> String? {
        guard let entries else { return address.embedded.special.map { "\(address) is \($0)" } }
        if entries.contains(where: { ($0.port == nil || $0.port == port) && ($0.contains(address) || $0.contains(address.embedded)) }) {
            return nil
        }
        return "\(Endpoint(host: .address(address), port: port)) is not among archive_endpoints"
    }
}

extension ArchiveEndpoints.Entry {
    fileprivate init?(_ text: String) {
        if let slash = text.firstIndex(of: "/") {
            guard let address = IPAddress(String(text[..<slash])), let length = Int(text[text.index(after: slash)...]),
                0...address.bitCount ~= length
            else { return nil }
            self.init(place: .network(address, length: length), port: nil)
            return
        }
        if let address = IPAddress(text) {
            self.init(place: .network(address, length: address.bitCount), port: nil)
            return
        }
        var (host, port) = (text[...], UInt16?.none)
        if let colon = text.lastIndex(of: ":") {
            guard let number = UInt16(text[text.index(after: colon)...]), number > 0 else { return nil }
            (host, port) = (text[..<colon], number)
        }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if let address = IPAddress(String(isBracketed ? host.dropFirst().dropLast() : host)) {
            self.init(place: .network(address, length: address.bitCount), port: port)
            return
        }
        let isName = host.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
            default: false
            }
        }
        guard isName, !host.isEmpty else { return nil }
        self.init(place: .name(host.lowercased()), port: port)
    }

    /// Whether an address is in its network.
    fileprivate func contains(_ address: IPAddress) -> Bool {
        guard case .network(let network, let length) = place else { return false }
        return address.hasPrefix(of: network, length: length)
    }
}

extension IPAddress {
    /// How many bits an address of this family has.
    fileprivate var bitCount: Int { if case .v4 = self { 32 } else { 128 } }

    private var bits: UInt128 {
        switch self {
        case .v4(let bits): UInt128(bits)
        case .v6(let high, let low): UInt128(high) << 64 | UInt128(low)
        }
    }

    /// Whether its first bits are those of another of its family.
    fileprivate func hasPrefix(of other: IPAddress, length: Int) -> Bool {
        bitCount == other.bitCount && bits >> (bitCount - length) == other.bits >> (bitCount - length)
    }

    /// The IPv4 address that is reached by it: it is mapped (`::ffff:0:0/96`), compatible (`::/96`), or translated (`64:ff9b::/96`). Else itself.
    fileprivate var embedded: IPAddress {
        guard case .v6(let high, let low) = self else { return self }
        let isMapped = high == 0 && low >> 32 == 0xFFFF
        let isCompatible = high == 0 && low >> 32 == 0 && low > 1
        let isTranslated = high == 0x0064_FF9B_0000_0000 && low >> 32 == 0
        return isMapped || isCompatible || isTranslated ? .v4(UInt32(truncatingIfNeeded: low)) : self
    }

    /// What it is, where only the host itself, a link or a group has it; nil for others.
    fileprivate var special: String? {
        Self.specials.first { hasPrefix(of: $0.network, length: $0.length) }?.meaning
    }

    /// From IANA's registries of special addresses, and the address of the metadata service over IPv6 at Amazon's.
    private static let specials: [(network: IPAddress, length: Int, meaning: String)] = [
        (.v4(0), 8, "an address of this host"), (.v4(0x7F00_0000), 8, "a loopback address"),
        (.v4(0xA9FE_0000), 16, "a link-local address, where metadata services are"), (.v4(0xE000_0000), 4, "a multicast address"),
        (.v4(0xFFFF_FFFF), 32, "the broadcast address"), (.v6(high: 0, low: 0), 128, "the unspecified address"),
        (.v6(high: 0, low: 1), 128, "the loopback address"),
        (.v6(high: 0xFE80_0000_0000_0000, low: 0), 10, "a link-local address"),
        (.v6(high: 0xFF00_0000_0000_0000, low: 0), 8, "a multicast address"),
        (.v6(high: 0xFD00_0EC2_0000_0000, low: 0x254), 128, "the address of a metadata service"),
    ]
}
