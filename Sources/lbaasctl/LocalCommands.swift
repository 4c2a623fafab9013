import Arguments
import Authorization
import KeepalivedFile
import LBaaS
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
    let token = Token.make()
    let (name, line) = try principalLine(call, environment, Token.hash(token).hexadecimal)
    try write(token + "\n")
    note(line, for: "tokens", "The token is shown only now: it goes into $XDG_CONFIG_HOME/lbaas/token (mode 0600) of \(name).")
}

/// Prints the name and the secret of a new key, and to standard error the line for the worker's file.
func printNewKey(_ call: CommandCall<Verb>, environment: (String) -> String?) throws(CommandFailure) {
    let secret = SigningKey.makeSecret()
    let (name, line) = try principalLine(call, environment, secret)
    try write("\(name) \(secret)\n")
    note(line, for: "keys", "The line on standard output goes into a file (mode 0600) of \(name), which --signing-key names.")
}

/// The name that was asked for, and the line of somebody of that name and role with a third word.
private func principalLine(
    _ call: CommandCall<Verb>, _ environment: (String) -> String?, _ word: String
) throws(CommandFailure) -> (name: String, line: String) {
    let name = call["name"] ?? environment("USER") ?? "operator"
    do throws(PrincipalFile.Failure) {
        let line = "\(name) \(call["role"] ?? Role.viewer.rawValue) \(word)"
        try PrincipalFile.check(line)
        return (name, line)
    } catch {
        throw CommandFailure(.usage, "--name, --role: \(error.mistakes.map(\.message).joined(separator: "; "))")
    }
}

private func note(_ line: String, for key: String, _ rest: String) {
    StandardOutput.note(
        commandTable.program,
        """
        add this line to the file `\(key)` of the worker's section [api], and restart it:
        \(line)
        \(rest)
        """)
}

/// Prints what a keepalived.conf means as a configuration of lbaas-worker, and to standard error what of it is left out.
func importKeepalived(_ call: CommandCall<Verb>) throws(CommandFailure) -> ExitStatus {
    let name = fileName(call.operands[0])
    let bytes = try readFile(
        call.operands[0], limit: KeepalivedFile.longestFile, hint: "split it, and import the parts one by one")
    let result: KeepalivedImport
    do throws(KeepalivedFile.Failure) {
        result = KeepalivedImport(try KeepalivedFile(bytes), name: name)
    } catch {
        throw CommandFailure(.failed, "\(name):\(error.line): \(error.sentence)")
    }
    try write(result.configuration)
    for remark in result.remarks { StandardOutput.note(commandTable.program, "\(name):\(remark.line): \(remark.sentence)") }
    return call.has("exit-code") && !result.remarks.isEmpty ? .changes : .done
}
