import Arguments
import Glibc
import HTTPClient
import HostSystem
import JSON
import Terminal

// Jobs in files: what they would do, and doing it.

extension Session {
    /// The most bytes of a job.
    private static let longestJob = 8 << 20

    /// Prints what a job would do.
    func plan(_ file: String) throws(CommandFailure) -> ExitStatus {
        let answer = try plan(of: try job(file))
        let presentation = try present(answer, planView)
        try print(presentation)
        return call.has("exit-code") && !presentation.items.isEmpty ? .changes : .done
    }

    private func plan(of job: [UInt8]) throws(CommandFailure) -> Answer {
        try client.ask("POST", "/v1/plan", job, within: timeout ?? Self.limits.change)
    }

    /// Does what a job says, and prints what became of it.
    func apply(_ file: String) throws(CommandFailure) {
        let job = try job(file)
        if !call.has("yes"), isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 {
            let steps = try present(try plan(of: job), planView).lines(.table, hasHeader: false, DisplayTraits())
            for step in steps { note(step) }
            try confirm(steps.isEmpty ? "The job changes nothing. Submit it?" : "Do this?")
        }
        let answer = try client.ask("POST", "/v1/jobs", job, within: timeout ?? Self.limits.change)
        let (isPass, error, ids) = try client.read(answer) { root in
            (root["hpcs_response"]?.equals("PASS") ?? false, root.text("hpcs_error"), root.elements(of: "loadBalancers").map(\.id))
        }
        if isPass || form == .json || form == .jsonl {
            let text = "done" + (ids.isEmpty ? "" : ": \(ids.joined(separator: ", "))")
            try print(
                Presentation(json: answer.text, items: [answer.text], names: ids.map { Reference.word(for: $0) }, parts: [.lines([text])]))
        }
        if !isPass { throw CommandFailure(.failed, error ?? "the job failed") }
        if call.has("wait") { try wait(for: ids) }
    }

    /// Waits until these load balancers are up, suspended, or not there.
    private func wait(for ids: [String]) throws(CommandFailure) {
        for id in ids {
            try wait(until: "\(id) is up", path(of: id)) { root in root.map { $0.text("status") != "DOWN" } ?? true }
        }
    }

    /// Reads a file with a job; `-` is standard input.
    private func job(_ file: String) throws(CommandFailure) -> [UInt8] {
        let name = file == "-" ? "standard input" : file
        let source = Descriptor(owning: file == "-" ? dup(STDIN_FILENO) : unsafe open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY))
        if source.number < 0 { throw CommandFailure(.ioError, "\(name): cannot be read: \(systemText(errno))") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe Glibc.read(source.number, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw CommandFailure(.ioError, "\(name): cannot be read: \(systemText(errno))") }
            if count == 0 { break }
            bytes += buffer[..<count]
            if bytes.count > Self.longestJob {
                throw CommandFailure(.failed, "\(name): has more than \(Self.longestJob >> 20) MiB; a larger job goes by Gearman")
            }
        }
        if bytes.isEmpty { throw CommandFailure(.failed, "\(name): is empty: a job is an object of JSON") }
        return bytes
    }
}

/// What something would do.
func planView(_ root: JSONValue, _ json: String) -> Presentation {
    let steps = root.elements(of: "plan").compactMap(\.string)
    return Presentation(json: json, items: steps.map(JSONWriting.string), names: steps.map(\.safe), parts: [.lines(steps)])
}
