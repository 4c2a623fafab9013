import Terminal

/// An id of somebody else's choice as a word of the command line: what would end the word, or part it, is written `%XX`.
enum Reference {
    /// The word that stands for an id. It may be shown.
    static func word(for id: String) -> String {
        id.unicodeScalars.map { scalar in
            encoded(String(scalar)) { _ in !scalar.isUnsafe && scalar != " " && scalar != "/" && scalar != "%" }
        }.joined()
    }

    /// The segment of a path that stands for an id.
    static func segment(for id: String) -> String {
        encoded(id) { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
            default: false
            }
        }
    }

    /// The id of a word. A percent sign that is followed by no hexadecimal number stands for itself.
    static func id(of word: some StringProtocol) -> String {
        var bytes: [UInt8] = []
        var rest = Array(word.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, digits.allSatisfy({ $0 != UInt8(ascii: "+") }),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The ids of a word `ID/NODE`; the second is nil where there is no slash.
    static func ids(of word: String) -> (loadBalancer: String, node: String?) {
        let parts = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        return (id(of: parts[0]), parts.count > 1 ? id(of: parts[1]) : nil)
    }

    private static func encoded(_ id: String, _ isPlain: (UInt8) -> Bool) -> String {
        var bytes: [UInt8] = []
        for byte in id.utf8 {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes += Array("%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))".utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
