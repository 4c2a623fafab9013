/// A command that was given, with its operands and options.
package struct CommandCall<Verb: Sendable>: Sendable {
    /// The command.
    package let command: Command<Verb>
    /// The words behind it, of which those that may be left out can be missing.
    package let operands: [String]
    private let options: [String: [String]]

    init(_ command: Command<Verb>, operands: [String], options: [String: [String]]) {
        (self.command, self.operands, self.options) = (command, operands, options)
    }

    /// Whether an option was given.
    package func has(_ option: String) -> Bool { options[option] != nil }

    /// The value of an option, the last where it was given more than once; nil where it was not given.
    package subscript(option: String) -> String? { options[option]?.last }

    /// All values of an option that may be given more than once, in their order.
    package func values(of option: String) -> [String] { options[option] ?? [] }
}

/// What a command line asks for.
package enum CommandRequest<Verb: Sendable>: Sendable {
    case call(CommandCall<Verb>)
    /// Print this text.
    case help(String)
    case version
}

extension CommandTable {
    /// Reads a command line, whose first word is the name of the program.
    package func read(_ arguments: [String]) throws(CommandLineFault) -> CommandRequest<Verb> {
        let all = allOptions
        let known = all.map { LongOptions.Known(name: $0.name, letter: $0.letter, takesValue: $0.placeholder != nil) }
        let scan = try LongOptions.scan(arguments, for: known)
        var given: [String: [String]] = [:]
        for option in scan.options { given[all[option.index].name, default: []].append(option.value ?? "") }
        if given["version"] != nil { return .version }
        let command = try command(of: scan.operands, isHelpAsked: given["help"] != nil)
        if given["help"] != nil { return .help(command.map(help) ?? help) }
        guard let command else { throw CommandLineFault("a command is missing; see --help") }
        let allowed = options(of: command).map(\.name)
        for option in scan.options.map({ all[$0.index] }) where !allowed.contains(option.name) {
            throw CommandLineFault("--\(option.name): is not an option of \(command.name); see \(program) \(command.name) --help")
        }
        let operands = Array(scan.operands.dropFirst(command.words.count))
        try check(operands, of: command)
        return .call(CommandCall(command, operands: operands, options: given))
    }

    /// The command that words begin with; nil where there is no word, or help is asked for the beginning of commands.
    private func command(of words: [String], isHelpAsked: Bool) throws(CommandLineFault) -> Command<Verb>? {
        if words.isEmpty { return nil }
        if let command = commands.first(where: { words.starts(with: $0.words) }) { return command }
        let beginnings = commands.compactMap { $0.words.count > 1 ? $0.words[0] : nil }
        guard beginnings.contains(words[0]) else {
            throw CommandLineFault(
                "'\(words[0])' is not a command; the commands are \(self.words(after: []).joined(separator: ", ")); see --help")
        }
        if isHelpAsked { return nil }
        let next = self.words(after: [words[0]]).joined(separator: ", ")
        if words.count == 1 { throw CommandLineFault("\(words[0]): one of \(next) must follow; see --help") }
        throw CommandLineFault("\(words[0]): '\(words[1])' is not one of \(next); see --help")
    }

    private func check(_ operands: [String], of command: Command<Verb>) throws(CommandLineFault) {
        let needed = command.operands.filter { !$0.isOptional }
        if operands.count < needed.count {
            throw CommandLineFault("\(command.name): \(needed[operands.count].placeholder) is missing; it is \(command.usage)")
        }
        if operands.count > command.operands.count {
            throw CommandLineFault("\(command.name): '\(operands[command.operands.count])' is too much; it is \(command.usage)")
        }
        for (operand, word) in zip(command.operands, operands) {
            if case .words(let words) = operand.kind, !words.contains(word) {
                throw CommandLineFault("\(command.name): '\(word)' is not one of \(words.joined(separator: ", "))")
            }
        }
        for operand in zip(command.operands, operands) where operand.1.isEmpty {
            throw CommandLineFault("\(command.name): \(operand.0.placeholder) is empty")
        }
    }
}

extension CommandTable {
    /// What `--help` prints.
    package var help: String {
        """
        Usage: \(program) [OPTION]... COMMAND
        \(summary)

        \(Self.columns(commands.map { ($0.usage, $0.summary) }))

        Options of all commands:
        \(Self.columns(rows(of: common)))

        \(program) COMMAND --help has the options of a command, \(program) man the manual page.
        """
    }

    /// What `--help` with a command prints.
    package func help(of command: Command<Verb>) -> String {
        let own = command.options.isEmpty ? "" : "\n\nOptions:\n" + Self.columns(rows(of: command.options))
        return """
            Usage: \(program) [OPTION]... \(command.usage)
            \(command.summary)\(command.details.map { "\n\n" + $0 }.joined())\(own)

            Options of all commands:
            \(Self.columns(rows(of: common)))
            """
    }

    private func rows(of names: [String]) -> [(String, String)] {
        allOptions.filter { names.contains($0.name) || (names == common && ["help", "version"].contains($0.name)) }.map {
            ($0.usage, $0.help)
        }
    }

    private static func columns(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { "  " + $0.0 + String(repeating: " ", count: width - $0.0.count + 2) + $0.1 }.joined(separator: "\n")
    }
}
