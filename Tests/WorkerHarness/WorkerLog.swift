import Foundation
import Synchronization
import TestSupport

/// The log of a worker that writes JSON lines, read as it grows.
package final class WorkerLog: Sendable {
    /// A line: its time, level and message, and its fields.
    package typealias Line = [String: String]

    private struct State {
        var offset: UInt64 = 0
        var rest = Data()
        var lines: [Line] = []
    }

    private let path: String
    private let state = Mutex(State())

    /// The log in this file, which need not be there yet.
    package init(path: String) { self.path = path }

    /// All of its bytes.
    package var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    /// Its lines.
    ///
    /// - Throws: where one is no JSON object of strings.
    package var lines: [Line] {
        get throws {
            try state.withLock { state in
                guard let file = FileHandle(forReadingAtPath: path) else { return [] }
                defer { try? file.close() }
                try file.seek(toOffset: state.offset)
                let new = try file.readToEnd() ?? Data()
                state.offset += UInt64(new.count)
                state.rest += new
                var start = state.rest.startIndex
                while let end = state.rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                    state.lines.append(try JSONDecoder().decode(Line.self, from: state.rest[start..<end]))
                    start = end + 1
                }
                state.rest = Data(state.rest[start...])
                return state.lines
            }
        }
    }

    /// The lines whose message begins so.
    package func lines(_ message: String) throws -> [Line] { try lines.filter { $0["message"]?.hasPrefix(message) ?? false } }

    /// The lines whose message begins so, once there are so many: the log is written by a thread of its own.
    package func lines(_ message: String, count: Int) async throws -> [Line] {
        try await eventually("the log has \(count) lines \(message)") { try lines(message).count >= count }
        return try lines(message)
    }

    /// The lines about job servers.
    package var losses: [Line] { get throws { try lines("job server lost") + lines("job server cannot be reached") } }
    package var returns: [Line] { get throws { try lines("job server connected") } }

    /// The lines of jobs that were written so far.
    package var jobs: [Line] { get throws { try lines.filter { $0["message"] == "job" } } }

    /// The lines of jobs, once there are so many: a job's line is written when its answer is on its way.
    package func jobs(_ count: Int) async throws -> [Line] {
        try await eventually("the log has \(count) jobs") { try jobs.count >= count }
        return try jobs
    }

    /// All of its bytes, once the line of a job that failed is there: what was written before is there too.
    package func textBehindFailure() async throws -> String {
        try await eventually("the log has a job that failed") { try jobs.contains { $0["outcome"] == "FAIL" } }
        return text
    }
}
