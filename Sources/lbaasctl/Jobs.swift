import Arguments
import Glibc
import HTTPClient
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
        let bytes = try readFile(file, limit: Self.longestJob, hint: "a larger job goes by Gearman")
        if bytes.isEmpty { throw CommandFailure(.failed, "\(fileName(file)): is empty: a job is an object of JSON") }
        return bytes
    }
}

/// What something would do.
func planView(_ root: JSONValue, _ json: String) -> Presentation {
    let steps = root.elements(of: "plan").compactMap(\.string)
    return Presentation(json: json, items: steps.map(JSONWriting.string), names: steps.map(\.safe), parts: [.lines(steps)])
}
