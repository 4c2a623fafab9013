import Glibc

/// An IPv4 or IPv6 address.
public enum IPAddress: Hashable, Sendable {
    /// The four bytes in network order, the first the most significant.
    case v4(UInt32)
    /// The sixteen bytes in network order, the first eight in `high`.
    case v6(high: UInt64, low: UInt64)

    /// Reads the text form that `inet_pton` accepts; nil for anything else.
    ///
    /// An IPv4-mapped IPv6 address, such as `::ffff:10.0.0.1`, is the IPv4 address that it stands for.
    public init?(_ text: String) {
        var text = text
        guard let address = text.withUTF8({ unsafe Self(characters: $0.span.bytes) }) else { return nil }
        self = address
    }

    /// Reads the characters of such a text.
    public init?(characters: RawSpan) {
        if let bits = Self.ipv4(characters) {
            self = .v4(bits)
            return
        }
        // The longest has 45 characters. C would read as far as a NUL, and take what follows it for nothing.
        let count = characters.byteCount
        guard count <= 45 else { return nil }
        var text = InlineArray<46, CChar>(repeating: 0)
        for index in 0..<count {
            let byte = unsafe characters.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            guard byte != 0 else { return nil }
            text[index] = CChar(bitPattern: byte)
        }
        let address = unsafe withUnsafeBytes(of: &text) { bytes in
            unsafe bytes.baseAddress.flatMap { unsafe Self.parse($0.assumingMemoryBound(to: CChar.self)) }
        }
        guard let address else { return nil }
        self = address
    }

    /// The four numbers of an IPv4 address, spelled as `inet_pton` wants them: no leading zero, nothing else around. Nodes have these, so it
    /// is worth not to copy the text and not to call C for each.
    private static func ipv4(_ characters: RawSpan) -> UInt32? {
        let count = characters.byteCount
        func byte(_ index: Int) -> UInt8 {
            index < count ? unsafe characters.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self) : 0
        }
        var (bits, index): (UInt32, Int) = (0, 0)
        for part in 0..<4 {
            if part > 0 {
                guard byte(index) == UInt8(ascii: ".") else { return nil }
                index &+= 1
            }
            let start = index
            var number: UInt32 = 0
            while index &- start < 3, byte(index) &- 0x30 <= 9 {
                number = number &* 10 &+ UInt32(byte(index) &- 0x30)
                index &+= 1
            }
            if index == start || number > 255 || byte(start) == UInt8(ascii: "0") && index &- start > 1 { return nil }
            bits = bits << 8 | number
        }
        return index == count ? bits : nil
    }

    private static func parse(_ characters: UnsafePointer<CChar>) -> IPAddress? {
        var v6 = in6_addr()
        guard unsafe inet_pton(AF_INET6, characters, &v6) == 1 else { return nil }
        return unsafe withUnsafeBytes(of: v6) { bytes in
            let high = unsafe bytes.load(as: UInt64.self)
            let low = unsafe bytes.load(fromByteOffset: 8, as: UInt64.self)
            let address = (high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
            if address.high == 0, address.low >> 32 == 0xFFFF { return .v4(UInt32(truncatingIfNeeded: address.low)) }
            return .v6(high: address.high, low: address.low)
        }
    }

    /// Whether both are IPv4 or both are IPv6.
    package func hasFamily(of other: IPAddress) -> Bool {
        switch (self, other) {
        case (.v4, .v4), (.v6, .v6): true
        case (.v4, .v6), (.v6, .v4): false
        }
    }

    /// True for `0.0.0.0` and `::`, which stand for every address of their family.
    public var isUnspecified: Bool {
        self == .v4(0) || self == .v6(high: 0, low: 0)
    }
}

extension IPAddress: CustomStringConvertible {
    /// The canonical text, as `inet_ntop` writes it.
    public var description: String {
        var writer = ByteWriter(capacity: Int(INET6_ADDRSTRLEN))
        append(to: &writer)
        return writer.text
    }

    /// Appends the canonical text.
    public func append(to writer: inout ByteWriter) {
        switch self {
        case .v4(let bits): writer.append(ipv4: bits)
        case .v6(let high, let low):
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            let words = (high.bigEndian, low.bigEndian)
            _ = unsafe withUnsafeBytes(of: words) { bytes in
                unsafe inet_ntop(AF_INET6, bytes.baseAddress, &text, socklen_t(INET6_ADDRSTRLEN))
            }
            for character in text.prefix(while: { $0 != 0 }) { writer.append(byte: UInt8(bitPattern: character)) }
        }
    }
}

/// Where a node is reached: an address, or a host name that the appliance resolves.
public enum HostAddress: Hashable, Sendable {
    /// A literal address.
    case address(IPAddress)
    /// A host name.
    case name(String)

    /// Reads an address or a host name of letters, digits, dots, dashes and underscores, 253 characters at most; nil for anything else.
    public init?(_ text: String) {
        if let address = IPAddress(text) {
            self = .address(address)
            return
        }
        guard !text.isEmpty, text.utf8.count <= 253, text.utf8.allSatisfy(HostAddress.mayBeInName) else { return nil }
        // Digits and dots alone are a mistyped IPv4 address, not a name.
        guard !text.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }) else { return nil }
        self = .name(text)
    }

    private static func mayBeInName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}

extension HostAddress: CustomStringConvertible {
    /// The canonical text.
    public var description: String {
        switch self {
        case .address(let address): address.description
        case .name(let name): name
        }
    }

    /// As it stands in a URL: an IPv6 address in brackets.
    package var inURL: String {
        var writer = ByteWriter(capacity: 64)
        append(inURLTo: &writer)
        return writer.text
    }

    fileprivate func append(inURLTo writer: inout ByteWriter) {
        switch self {
        case .address(let address):
            if case .v6 = address { writer.append(byte: UInt8(ascii: "[")) }
            address.append(to: &writer)
            if case .v6 = address { writer.append(byte: UInt8(ascii: "]")) }
        case .name(let name): writer.append(name)
        }
    }
}

/// A host and a port.
public struct Endpoint: Hashable, Sendable {
    /// Where it is.
    public var host: HostAddress
    /// Its port, 1 to 65535.
    public var port: UInt16

    /// A host and a port, 1 to 65535.
    public init(host: HostAddress, port: UInt16) {
        self.host = host
        self.port = port
    }
}

extension Endpoint: CustomStringConvertible {
    /// `10.0.0.1:80`, `[fd00::1]:80`, `web.example:80`.
    public var description: String {
        var writer = ByteWriter(capacity: 64)
        host.append(inURLTo: &writer)
        writer.append(byte: UInt8(ascii: ":"))
        writer.append(decimal: UInt64(port))
        return writer.text
    }
}
