import LBaaS

/// The addresses that begin with the same bits.
struct AddressRange: Hashable, Sendable {
    private let start: IPAddress
    private let length: Int

    /// Reads `10.9.0.0/24`, `fd09::/64`, or an address alone; nil for anything else, be it that bits behind the length are set.
    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let start = IPAddress(String(parts[0])) else { return nil }
        let most = start.bits
        var length = most
        if parts.count == 2 {
            guard let number = UInt8(parts[1]).map(Int.init), 0...most ~= number, parts[1].first != "+" else { return nil }
            length = number
        }
        guard start.beginning(length) == start else { return nil }
        self.start = start
        self.length = length
    }

    /// Whether an address is one of these.
    func contains(_ address: IPAddress) -> Bool { address.bits == start.bits && address.beginning(length) == start }
}

extension IPAddress {
    /// How many bits it has.
    fileprivate var bits: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// The address with all bits cleared but the first.
    fileprivate func beginning(_ count: Int) -> IPAddress {
        switch self {
        // A shift by all bits or more gives 0, and one by less than nothing goes the other way.
        case .v4(let bits): .v4(bits & (UInt32.max << (32 - count)))
        case .v6(let high, let low):
            .v6(high: high & (UInt64.max << max(0, 64 - count)), low: low & (UInt64.max << (128 - max(64, count))))
        }
    }
}
