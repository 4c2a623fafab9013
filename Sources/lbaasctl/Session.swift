import Arguments
import HostSystem
import JSON
import Terminal

/// A command in hand: what was given, whom it asks, and how it prints.
struct Session {
    let call: CommandCall<Verb>
    let client: WorkerClient
    let form: OutputForm
    /// The longest time that was given; nil for none.
    let timeout: Duration?

    /// The longest time of a request that changes nothing, and of one that does. The worker takes up to 180 s for a change.
    static let limits = (read: Duration.seconds(30), change: Duration.seconds(190))

    init(_ call: CommandCall<Verb>, environment: (String) -> String?) throws(CommandFailure) {
        self.call = call
        guard let form = OutputForm(rawValue: call["output"] ?? "table") else {
            throw CommandFailure(
                .usage, "--output: '\(call["output"] ?? "")' is not one of \(OutputForm.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.form = form
        timeout = try call["timeout"].map { (text) throws(CommandFailure) in
            guard let seconds = Double(text), (0.001...86400).contains(seconds),
                text.utf8.allSatisfy({ $0 == 0x2E || (0x30...0x39).contains($0) })
            else { throw CommandFailure(.usage, "--timeout: '\(text)' is not a number of seconds from 0.001 to 86400") }
            return .milliseconds(Int(seconds * 1000))
        }
        let isLogin = call.command.verb == .login
        client = try WorkerClient(try ServerChoice({ call[$0] }, environment: environment, isLogin: isLogin))
    }

    var isWide: Bool { form == .wide }

    func read(_ path: String) throws(CommandFailure) -> Answer { try client.ask("GET", path, within: timeout ?? Self.limits.read) }

    func change(_ method: String, _ path: String, _ body: String? = nil) throws(CommandFailure) -> Answer {
        try client.ask(method, path, body.map { Array($0.utf8) }, within: timeout ?? Self.limits.change)
    }

    /// Reads an answer as a view.
    func present(_ answer: Answer, _ view: (JSONValue, String) -> Presentation) throws(CommandFailure) -> Presentation {
        try client.read(answer) { view($0, answer.text) }
    }

    func print(_ presentation: Presentation) throws(CommandFailure) {
        let lines = presentation.lines(form, hasHeader: !call.has("no-headers"), StandardOutput.traits)
        try printing { () throws(StandardOutput.Failure) in try StandardOutput.write(lines: lines) }
    }

    /// Writes a line to standard error.
    func note(_ text: String) { StandardOutput.note(commandTable.program, text) }

    /// Asks whether to go on, where there is somebody to ask.
    func confirm(_ question: String) throws(CommandFailure) {
        if call.has("yes") || call.has("dry-run") { return }
        if StandardOutput.confirm(question) == false { throw CommandFailure(.failed, "nothing was done") }
    }
}
