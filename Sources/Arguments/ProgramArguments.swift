import CProgramArguments

/// The words of the command line, of which the first is the name of the program; none where the system handed over none.
///
/// They come from the system and not from `/proc`, which may be hidden or missing.
package func programArguments() -> [String] {
    guard let words = unsafe program_arguments() else { return [] }
    return (0..<Int(program_argument_count())).compactMap { index in
        guard let word = unsafe words[index] else { return nil }
        return unsafe String(cString: word)
    }
}
