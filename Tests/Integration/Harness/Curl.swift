import TestSupport
import Testing

/// Runs curl over the socket of an API; answers what the server sends, with the status.
func curl(over socket: String, _ path: String, _ arguments: [String] = []) async throws -> (status: Int, body: String) {
    let words = ["-sS", "--max-time", "30", "--unix-socket", socket, "-w", "\n%{http_code}", "http://localhost\(path)"] + arguments
    let output = try await onThread { try runProgram("/usr/bin/curl", words) }
    let end = try #require(output.lastIndex(of: "\n"))
    return (Int(output[output.index(after: end)...]) ?? 0, String(output[..<end]))
}
