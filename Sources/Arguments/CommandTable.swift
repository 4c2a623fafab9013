/// What a word of the command line stands for, as far as a shell can complete it.
package enum WordKind: Sendable, Equatable {
    /// Anything.
    case free
    /// The name of a file.
    case file
    /// One of these words.
    case words([String])
    /// One of the lines that the program prints with these arguments, each a command line of its own.
    case printed(by: [[String]])
}

/// An option of a program with commands.
package struct CommandOption: Sendable {
    /// The long name, without its dashes.
    package let name: String
    /// The short form; nil for none.
    package let letter: Character?
    /// What stands for its value; nil where it takes none.
    package let placeholder: String?
    /// What its value is.
    package let kind: WordKind
    /// What it does, in a sentence without its end.
    package let help: String

    /// An option.
    package init(_ name: String, _ letter: Character? = nil, _ placeholder: String? = nil, _ kind: WordKind = .free, help: String) {
        (self.name, self.letter, self.placeholder, self.kind, self.help) = (name, letter, placeholder, kind, help)
    }

    /// The option as it is given, such as `-o FORM, --output FORM`.
    var usage: String {
        let value = placeholder.map { " \($0)" } ?? ""
        return (letter.map { "-\($0)\(value), " } ?? "") + "--\(name)\(value)"
    }
}

/// A word that a command needs, or may have.
package struct Operand: Sendable {
    /// What stands for it, in capitals.
    package let placeholder: String
    /// What it is.
    package let kind: WordKind
    /// Whether it may be left out.
    package let isOptional: Bool

    /// An operand.
    package init(_ placeholder: String, _ kind: WordKind = .free, isOptional: Bool = false) {
        (self.placeholder, self.kind, self.isOptional) = (placeholder, kind, isOptional)
    }

    /// The same word, which may be left out.
    package var optional: Operand { Operand(placeholder, kind, isOptional: true) }

    var usage: String { isOptional ? "[\(placeholder)]" : placeholder }
}

/// A command of a program.
package struct Command<Verb: Sendable>: Sendable {
    /// Its words, such as `ips` and `add`.
    package let words: [String]
    /// What the program does for it.
    package let verb: Verb
    /// The words behind it, those that may be left out last.
    package let operands: [Operand]
    /// The names of its options, beside those that all commands have.
    package let options: [String]
    /// What it does, in a sentence without its end.
    package let summary: String
    /// What else is to be known: paragraphs.
    package let details: [String]

    /// A command.
    package init(
        _ words: String, _ verb: Verb, _ operands: [Operand] = [], options: [String] = [], summary: String, details: String...
    ) {
        self.words = words.split(separator: " ").map(String.init)
        (self.verb, self.operands, self.options, self.summary, self.details) = (verb, operands, options, summary, details)
    }

    /// Its words in one.
    package var name: String { words.joined(separator: " ") }

    /// The command as it is given, such as `weight ID/NODE N`.
    package var usage: String { (words + operands.map(\.usage)).joined(separator: " ") }
}

/// The command line of a program with commands: all that reading it, its help, completion and its manual page are made from.
package struct CommandTable<Verb: Sendable>: Sendable {
    /// A list of terms with their meaning, as a section of the manual page.
    package struct Section: Sendable {
        let title: String
        let entries: [(term: String, meaning: String)]

        /// A section of this title, in capitals.
        package init(_ title: String, _ entries: [(term: String, meaning: String)]) { (self.title, self.entries) = (title, entries) }
    }

    /// The name, as it is called.
    package let program: String
    /// What it does, in a phrase.
    package let summary: String
    /// What is to be known about it: paragraphs.
    package let details: [String]
    /// All options but `--help` and `--version`.
    package let options: [CommandOption]
    /// The names of those that all commands have.
    package let common: [String]
    /// The commands, in the order of the help.
    package let commands: [Command<Verb>]
    /// The last sections of the manual page.
    package let sections: [Section]

    /// A program.
    package init(
        program: String, summary: String, details: [String], options: [CommandOption], common: [String], commands: [Command<Verb>],
        sections: [Section]
    ) {
        (self.program, self.summary, self.details) = (program, summary, details)
        (self.options, self.common, self.commands, self.sections) = (options, common, commands, sections)
    }

    /// The options of a command, those of its own first.
    func options(of command: Command<Verb>) -> [CommandOption] {
        (command.options + common).compactMap { name in options.first { $0.name == name } }
    }

    /// All options, with those that every program has.
    var allOptions: [CommandOption] {
        options + [
            CommandOption("help", "h", help: "print what there is to know about the program or the command, and end"),
            CommandOption("version", help: "print the version, and end"),
        ]
    }

    /// The words that may follow these words of commands, in order, each once.
    func words(after words: [String]) -> [String] {
        var found: [String] = []
        for command in commands where command.words.starts(with: words) && command.words.count > words.count {
            let word = command.words[words.count]
            if !found.contains(word) { found.append(word) }
        }
        return found
    }
}
