import LBaaS

/// Those who have a token, by its hash: the third word of a line of the `PrincipalFile` is the SHA-256 of the token in 64 hexadecimal digits.
package struct TokenTable: Sendable {
    private var principals: [[UInt8]: Principal] = [:]
    private var names: [String: Principal] = [:]

    /// A table with nobody in it.
    package init() {}

    /// Reads a table.
    package init(_ text: String) throws(PrincipalFile.Failure) {
        try PrincipalFile.read(text, third: "SHA256") { (principal, word) throws(PrincipalFile.LineFault) in
            guard let hash = [UInt8](hexadecimal: word.utf8), hash.count == 32 else {
                throw .init(message: "the hash of \(principal.name) is not a SHA-256 in 64 hexadecimal digits")
            }
            if let other = principals[hash] {
                throw .init(message: "\(principal.name) has the token of \(other.name): give each a token of its own")
            }
            principals[hash] = principal
            names[principal.name] = principal
        }
    }

    /// How many there are.
    package var count: Int { principals.count }

    /// Who has a token; nil for nobody.
    package func principal(token: some StringProtocol) -> Principal? { principals[Token.hash(token)] }

    /// Who has a name, for somebody who was recognised by it otherwise, such as by a certificate; nil for nobody.
    package func principal(name: String) -> Principal? { names[name] }
}
