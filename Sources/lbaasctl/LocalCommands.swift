import Arguments
import Authorization
import Terminal

/// The version of this program.
let version = "0.1.0"

// Commands that ask no worker.

/// Writes text to standard output.
func write(_ text: String) throws(CommandFailure) {
    try printing { () throws(StandardOutput.Failure) in try StandardOutput.write(text) }
}

/// Prints a new token, and to standard error the line for the worker's file.
func printNewToken(_ call: CommandCall<Verb>, environment: (String) -> String?) throws(CommandFailure) {
    let name = call["name"] ?? environment("USER") ?? "operator"
    let role = call["role"] ?? Role.viewer.rawValue
    let token = Token.make()
    let line = "\(name) \(role) \(Token.hexadecimal(Token.hash(token)))"
    do throws(TokenTable.Failure) {
        _ = try TokenTable(line)
    } catch {
        throw CommandFailure(.usage, "--name, --role: \(error.mistakes.map(\.message).joined(separator: "; "))")
    }
    try write(token + "\n")
    StandardOutput.note(
        commandTable.program,
        """
        add this line to the file `tokens` of the worker's section [api], and restart it:
        \(line)
        The token is shown only now: it goes into $XDG_CONFIG_HOME/lbaas/token (mode 0600) of \(name).
        """)
}
