import HostSystem

/// Those who have a token, by its hash.
///
/// The text has a line for each, `NAME ROLE SHA256`, with blanks or tabs between: a name of up to 64 letters, digits and `.`, `_`, `-`, `@`, `:`;
/// `viewer`, `operator` or `admin`; the SHA-256 of the token in 64 hexadecimal digits. Empty lines, and those that begin with `#`, are
/// passed over.
package struct TokenTable: Sendable {
    /// A mistake in the text.
    package struct Mistake: Equatable, Sendable {
        /// The line, from 1.
        package let line: Int
        /// What is wrong, and what to do. It has nothing of a hash in it.
        package let message: String

        /// A mistake in a line.
        package init(line: Int, message: String) {
            self.line = line
            self.message = message
        }
    }

    /// Why there is no table: all mistakes of the text, in their order.
    package struct Failure: Error, Equatable, Sendable {
        /// One at least.
        package let mistakes: [Mistake]
    }

    private var principals: [[UInt8]: Principal] = [:]
    private var names: [String: Principal] = [:]

    /// A table with nobody in it.
    package init() {}

    /// Reads a table.
    package init(_ text: String) throws(Failure) {
        var mistakes: [Mistake] = []
        for (place, line) in text.parts(at: "\n", omittingEmptySubsequences: false).enumerated() {
            do throws(LineFault) {
                try add(line)
            } catch {
                mistakes.append(Mistake(line: place + 1, message: error.message))
            }
        }
        if !mistakes.isEmpty { throw Failure(mistakes: mistakes) }
    }

    /// How many there are.
    package var count: Int { principals.count }

    /// Who has a token; nil for nobody.
    package func principal(token: some StringProtocol) -> Principal? { principals[Token.hash(token)] }

    /// Who has a name, for somebody who was recognised by it otherwise, such as by a certificate; nil for nobody.
    package func principal(name: String) -> Principal? { names[name] }

    private struct LineFault: Error {
        let message: String
    }

    private mutating func add(_ line: Substring) throws(LineFault) {
        let words = line.utf8.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }.map { String(Substring($0)) }
        guard let name = words.first, !name.hasPrefix("#") else { return }
        guard words.count == 3 else { throw LineFault(message: "a line is NAME ROLE SHA256, and this one has \(words.count) words") }
        guard name.utf8.count <= 64, name.utf8.allSatisfy(Self.mayBeInName) else {
            throw LineFault(message: "a name has up to 64 letters, digits and . _ - @ :")
        }
        guard let role = Role(rawValue: words[1]) else {
            throw LineFault(message: "'\(words[1].prefix(64))' is not a role: viewer, operator or admin")
        }
        guard let hash = Self.bytes(hexadecimal: words[2]), hash.count == 32 else {
            throw LineFault(message: "the hash of \(name) is not a SHA-256 in 64 hexadecimal digits")
        }
        if names[name] != nil { throw LineFault(message: "\(name) has a line already") }
        if let other = principals[hash] { throw LineFault(message: "\(name) has the token of \(other.name): give each a token of its own") }
        let principal = Principal(name: name, role: role)
        principals[hash] = principal
        names[name] = principal
    }

    private static func mayBeInName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x3A, 0x40...0x5A, 0x61...0x7A, 0x2E, 0x5F, 0x2D: true
        default: false
        }
    }

    private static func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = text.utf8.map { UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") ? $0 - 0x30 : ($0 | 0x20) &- 0x57 }
        guard digits.count % 2 == 0, digits.allSatisfy({ $0 < 16 }), text.utf8.allSatisfy({ $0 >= 0x30 && $0 < 0x67 }) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
