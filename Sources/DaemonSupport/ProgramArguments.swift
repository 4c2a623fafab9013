import CProgramArguments

/// The words of the command line, of which the first is the name of the program.
///
/// They come from the system and not from `/proc`, which may be hidden or missing.
///
/// - Throws: where the system handed over none: then the options that were meant are not known.
package func programArguments() throws(StartupFailure) -> [String] {
    let count = program_argument_count()
    guard count > 0, let words = unsafe program_arguments() else {
        throw StartupFailure(.osError, "the process has no command line; start it with at least the program's name as its first argument")
    }
    return (0..<Int(count)).compactMap { index in
        guard let word = unsafe words[index] else { return nil }
        return unsafe String(cString: word)
    }
}
