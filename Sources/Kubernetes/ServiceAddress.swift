import LBaaS

extension IPAddress {
    /// An order of all addresses: IPv4 first.
    func precedes(_ other: IPAddress) -> Bool {
        switch (self, other) {
        case (.v4(let one), .v4(let another)): one < another
        case (.v4, .v6): true
        case (.v6, .v4): false
        case (.v6(let high, let low), .v6(let otherHigh, let otherLow)): (high, low) < (otherHigh, otherLow)
        }
    }

    /// Why no packet for this address can come from another host, in words that follow "it is"; nil where one can.
    var reasonAgainstService: String? {
        let kinds = [
            ("0.0.0.0/8", "unspecified"), ("127.0.0.0/8", "a loopback address"), ("169.254.0.0/16", "a link-local address"),
            ("224.0.0.0/4", "a multicast address"), ("255.255.255.255/32", "the broadcast address"), ("::/128", "unspecified"),
            ("::1/128", "a loopback address"), ("fe80::/10", "a link-local address"), ("ff00::/8", "a multicast address"),
        ]
        return kinds.first { AddressRange($0.0)?.contains(self) ?? false }?.1
    }
}
