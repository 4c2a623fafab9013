/// Why a job was not understood.
enum RequestError: Error {
    /// The original's validation error, which takes the place of the reply: its message, and the path.
    case badRequest(String, path: String)
    /// A FAIL with this sentence, which names the path at fault.
    case fail(String)
}
