/// Something that a program does, besides running as a daemon, where operands of its command line name it: `user add NAME --role ROLE`.
package struct ProgramCommand: Sendable {
    /// An option that only some commands have.
    package struct Option: Sendable {
        /// The option, without its dashes.
        package let name: String
        /// What stands for its value in the help.
        package let placeholder: String
        /// What it does, in a sentence.
        package let help: String
        /// Whether it must be given.
        package let isRequired: Bool

        /// An option.
        package init(_ name: String, _ placeholder: String, _ help: String, isRequired: Bool = false) {
            (self.name, self.placeholder, self.help, self.isRequired) = (name, placeholder, help, isRequired)
        }
    }

    /// The words that name it.
    package let words: [String]
    /// What stands for the operands behind the words.
    package let operands: [String]
    /// Its options.
    package let options: [Option]
    /// What it does, in a sentence.
    package let help: String

    /// A command.
    package init(_ words: [String], operands: [String], options: [Option], _ help: String) {
        (self.words, self.operands, self.options, self.help) = (words, operands, options, help)
    }

    /// How it is written, in the help.
    var usage: String {
        let options = options.map { $0.isRequired ? "--\($0.name) \($0.placeholder)" : "[--\($0.name) \($0.placeholder)]" }
        return (words + operands + options).joined(separator: " ")
    }
}

/// A command as it was given.
package struct GivenCommand: Hashable, Sendable {
    /// The words that name it.
    package let words: [String]
    /// What stands behind them.
    package let operands: [String]
    /// The values of its options.
    package let options: [String: String]
}

extension GivenCommand {
    /// The command that operands name.
    ///
    /// - Parameters:
    ///   - operands: of the command line.
    ///   - options: the options of commands that were given.
    /// - Throws: what is wrong with it.
    /// - Returns: nil where there are no operands.
    init?(_ operands: [String], options: [String: String], of commands: [ProgramCommand]) throws(BadValue) {
        guard let first = operands.first else {
            if let name = options.keys.min() { throw BadValue("--\(name): is an option of a command; see --help") }
            return nil
        }
        guard !commands.isEmpty else { throw BadValue("'\(first)' is not an option; options begin with two dashes; see --help") }
        guard let command = commands.first(where: { operands.starts(with: $0.words) }) else {
            let known = commands.map { "'\($0.words.joined(separator: " "))'" }.joined(separator: ", ")
            throw BadValue("'\(operands.joined(separator: " "))' is no command; the commands are \(known); see --help")
        }
        let name = command.words.joined(separator: " ")
        let rest = Array(operands.dropFirst(command.words.count))
        if rest.count < command.operands.count { throw BadValue("\(name): \(command.operands[rest.count]) is missing; see --help") }
        if rest.count > command.operands.count { throw BadValue("\(name): '\(rest[command.operands.count])' is too much; see --help") }
        for option in options.keys.sorted() where !command.options.contains(where: { $0.name == option }) {
            throw BadValue("--\(option): is not an option of '\(name)'; see --help")
        }
        for option in command.options where option.isRequired && options[option.name] == nil {
            throw BadValue("\(name): --\(option.name) \(option.placeholder) is missing; see --help")
        }
        self.init(words: command.words, operands: rest, options: options)
    }
}
