import LBaaS

/// The name under which haproxy knows a load balancer or a node.
///
/// A name of haproxy's has letters, digits, `-`, `.`, `_` and `:`. Letters, digits, `-` and `.` of an id stand for themselves, every
/// other byte is `_` and its two digits in hexadecimal. So no two ids have one name, a name tells its id, and no id can say
/// anything else to haproxy than its name.
struct ApplianceName: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The longest name, in bytes. haproxy keeps a server's state on a line of at most 2000, with both names on it.
    static let longest = 600

    /// The sorry server of a load balancer. No node has this name, for what follows its `_` is no byte.
    static let sorryServer = ApplianceName(text: "_sorry")

    /// The name.
    let text: String

    /// The name of an id.
    init(_ id: some Identifier) {
        text = id.text.utf8.allSatisfy(Self.standsForItself) ? id.text : Self.encode(id.text)
    }

    /// A name that haproxy tells.
    init(text: String) { self.text = text }

    /// A name that haproxy tells.
    init(stringLiteral text: String) { self.text = text }

    /// The name.
    var description: String { text }

    /// The id; nil where this is the name of none.
    var id: String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte != Self.escape {
                guard Self.standsForItself(byte) else { return nil }
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(Self.digits.firstIndex(of:)),
                let low = rest.popFirst().flatMap(Self.digits.firstIndex(of:))
            else { return nil }
            bytes.append(UInt8(high << 4 | low))
        }
        return bytes.isEmpty ? nil : String(validating: bytes, as: UTF8.self)
    }

    private static let escape = UInt8(ascii: "_")
    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func encode(_ text: String) -> String {
        var name: [UInt8] = []
        for byte in text.utf8 {
            if standsForItself(byte) {
                name.append(byte)
            } else {
                name += [escape, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: name, as: UTF8.self)
    }

    private static func standsForItself(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }
}

/// A text as one word of haproxy's configuration: every byte that could mean something there is written as `\x` and its digits.
func word(_ text: String) -> String {
    var word = ""
    for byte in text.utf8 {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: word.unicodeScalars.append(Unicode.Scalar(byte))
        case _ where "-._/:@,=".utf8.contains(byte): word.unicodeScalars.append(Unicode.Scalar(byte))
        default: word += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return word
}
