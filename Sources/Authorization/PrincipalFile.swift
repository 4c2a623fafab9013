import HostSystem

/// A file of those who have something secret.
///
/// The text has a line for each, `NAME ROLE WORD`, with blanks or tabs between: a name of up to 64 letters, digits and `.`, `_`, `-`, `@`, `:`;
/// `viewer`, `operator` or `admin`; and what the kind of the file wants. Empty lines, and those that begin with `#`, are passed over.
package enum PrincipalFile {
    /// A mistake in the text.
    package struct Mistake: Equatable, Sendable {
        /// The line, from 1.
        package let line: Int
        /// What is wrong, and what to do. It has nothing of a secret in it.
        package let message: String

        /// A mistake in a line.
        package init(line: Int, message: String) {
            self.line = line
            self.message = message
        }
    }

    /// Why the file cannot be used: all mistakes of the text, in their order.
    package struct Failure: Error, Equatable, Sendable {
        /// One at least.
        package let mistakes: [Mistake]
    }

    struct LineFault: Error {
        let message: String
    }

    /// Reads a text. No two lines have the same name.
    ///
    /// - Parameters:
    ///   - word: what the third word is called.
    ///   - add: takes a line.
    static func read(_ text: String, third word: String, _ add: (Principal, String) throws(LineFault) -> Void) throws(Failure) {
        var mistakes: [Mistake] = []
        var names: Set<String> = []
        for (place, line) in text.parts(at: "\n", omittingEmptySubsequences: false).enumerated() {
            do throws(LineFault) {
                guard let (principal, third) = try split(line, word) else { continue }
                if names.contains(principal.name) { throw LineFault(message: "\(principal.name) has a line already") }
                try add(principal, third)
                names.insert(principal.name)
            } catch {
                mistakes.append(Mistake(line: place + 1, message: error.message))
            }
        }
        if !mistakes.isEmpty { throw Failure(mistakes: mistakes) }
    }

    /// Checks the name and the role of a line, or of several.
    package static func check(_ text: String) throws(Failure) { try read(text, third: "WORD") { (_, _) throws(LineFault) in } }

    /// The parts of a line; nil where it has none.
    private static func split(_ line: Substring, _ third: String) throws(LineFault) -> (Principal, String)? {
        let words = line.utf8.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }.map { String(Substring($0)) }
        guard let name = words.first, !name.hasPrefix("#") else { return nil }
        guard words.count == 3 else { throw LineFault(message: "a line is NAME ROLE \(third), and this one has \(words.count) words") }
        guard name.utf8.count <= 64, name.utf8.allSatisfy(mayBeInName) else {
            throw LineFault(message: "a name has up to 64 letters, digits and . _ - @ :")
        }
        // The second word is not shown: it is the secret where somebody has mixed them up.
        guard let role = Role(rawValue: words[1]) else {
            throw LineFault(message: "the second word is not a role: viewer, operator or admin")
        }
        return (Principal(name: name, role: role), words[2])
    }

    private static func mayBeInName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x3A, 0x40...0x5A, 0x61...0x7A, 0x2E, 0x5F, 0x2D: true
        default: false
        }
    }
}
