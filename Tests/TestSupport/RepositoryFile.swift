import Foundation

/// A file of the repository, such as a page of `docs` or a sample of a configuration file.
package struct RepositoryFile {
    /// The folder of the repository.
    package static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The text.
    package let text: String
    private let path: String

    /// Reads the file at a path below the root.
    package init(_ path: String) throws {
        self.path = path
        text = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    }

    /// The part of a page in Markdown below a heading, up to the next one of its level or above.
    package func part(below heading: String) throws -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0.drop { $0 == "#" } == " \(heading)" && $0.first == "#" }) else {
            throw MissingHeading(path: path, heading: heading)
        }
        let level = lines[start].prefix { $0 == "#" }.count
        let rest = lines[(start + 1)...].prefix { line in
            let depth = line.prefix { $0 == "#" }.count
            return depth == 0 || depth > level
        }
        return rest.joined(separator: "\n")
    }

    /// A sample of a configuration file with the keys and sections of all lines that `isWanted` agrees to taken out of their comments: those
    /// begin with `#` and no blank.
    package func uncommented(where isWanted: (Substring) -> Bool = { _ in true }) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.wholeMatch(of: #/#(\[.*\]|[A-Za-z_0-9.]+ = .*)/#) != nil && isWanted($0.dropFirst()) ? $0.dropFirst() : $0 }
            .joined(separator: "\n")
    }
}

private struct MissingHeading: Error, CustomStringConvertible {
    let path: String
    let heading: String

    var description: String { "\(path) has no heading \(heading)" }
}

/// The row of a metric in the table of a page.
///
/// - Parameter kind: the type that Prometheus has for it.
package func metricRow(_ name: String, _ kind: String, _ labels: [String], _ help: String) -> String {
    let labels = labels.isEmpty ? "–" : labels.map { "`\($0)`" }.joined(separator: ", ")
    return "| `\(name)` | \(kind) | \(labels) | \(help) |"
}
