import Foundation
import TestSupport

/// The messages of the lines of a log.
package func messagesOfLog(_ text: String) -> [String] {
    text.split(separator: "\n").map { line in line.range(of: "]: ").map { String(line[$0.upperBound...]) } ?? "no message: \(line)" }
}

/// What the bytes of a gzipped file are.
package func gunzipped(_ bytes: [UInt8]) async throws -> String {
    try await output(of: "/bin/gzip", ["-dc"], on: bytes)
}

/// What a program writes about a file with these bytes.
package func output(of program: String, _ arguments: [String], on bytes: [UInt8]) async throws -> String {
    let folder = try TemporaryFolder()
    try Data(bytes).write(to: URL(fileURLWithPath: folder.file("in")))
    let process = try ChildProcess(
        program, arguments + [folder.file("in")], folder: folder.path, output: folder.file("out"), errors: folder.file("errors"))
    let end = try await process.end()
    guard end == .exit(0) else { throw Failure("\(program): \(try String(contentsOfFile: folder.file("errors"), encoding: .utf8))") }
    return try String(contentsOfFile: folder.file("out"), encoding: .utf8)
}
