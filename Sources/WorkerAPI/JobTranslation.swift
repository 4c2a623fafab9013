package import Requests

/// Turns the bytes of jobs into requests and outcomes into replies, as the intake of the job servers does.
package protocol JobTranslator: Sendable {
    /// Reads a job.
    ///
    /// - Parameter client: who sent it, for the log.
    func read(_ text: [UInt8], from client: String) -> any TranslatedJob
}

/// A job that was read.
package protocol TranslatedJob: Sendable {
    /// What it asks for; nil where it was not understood.
    var request: Request? { get }

    /// Answers it. It is called once.
    ///
    /// - Parameter outcome: what became of its request; nil where the job was not understood.
    func answer(_ outcome: Outcome?) -> JobResult
}

/// The answer to a job.
package struct JobResult: Sendable {
    /// The reply.
    package let reply: [UInt8]
    /// The sentence of a FAIL; nil for a PASS.
    package let error: String?
    /// Writes the line of the job to the log; called behind the reply.
    package let log: @Sendable () -> Void

    /// The answer to a job.
    package init(reply: [UInt8], error: String?, log: @escaping @Sendable () -> Void) {
        self.reply = reply
        self.error = error
        self.log = log
    }
}
