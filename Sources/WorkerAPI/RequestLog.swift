import HTTPServer
import LBaaS

extension Log {
    /// Writes the line of a request that would change something. A job has a line of its own.
    ///
    /// - Parameter client: who sent it, as the journal has it.
    func write(_ record: HTTPRecord, from client: String) {
        guard let request = record.request else { return }
        let microseconds = record.duration.components.seconds * 1_000_000 + record.duration.components.attoseconds / 1_000_000_000_000
        let isDone = record.status.map { $0 < 400 } ?? false
        var fields: [Log.Field] = [
            ("handle", client), ("action", "\(request.method.rawValue) \(request.path)"), ("outcome", isDone ? "PASS" : "FAIL"),
            ("status", record.status.map { String($0) } ?? "-"),
            ("ms", Self.milliseconds(microseconds)),
        ]
        if request.query("dry_run") == "true" { fields.append(("dry_run", "yes")) }
        if let problem = record.problem { fields.append(("error", problem)) }
        write(isDone ? .info : .warning, "request", fields)
    }
}
