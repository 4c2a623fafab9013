import Arguments

/// What the command line says.
package struct CommandLineOptions<Settings: ProgramSettings>: Sendable {
    /// What the program is asked to do.
    enum Request: Sendable, Equatable {
        case run, checkConfig, version, help
        case other(String)
        case command(GivenCommand)
    }

    /// An option of the command line.
    struct Option: Sendable {
        /// What an option does.
        enum Effect: Sendable {
            case set(Setting<Settings>)
            case readFile
            case ask(Request)
            /// An option of a command.
            case give
        }

        let name: String
        /// What stands for its value in the help; nil where it takes none.
        let placeholder: String?
        let help: String
        let effect: Effect

        init(_ name: String, _ placeholder: String?, _ help: String, _ effect: Effect) {
            self.name = name
            self.placeholder = placeholder
            self.help = help
            self.effect = effect
        }
    }

    /// What the program is asked to do.
    private(set) var request = Request.run
    /// The configuration file to read instead of the default one.
    package private(set) var configurationFile: String?
    /// The settings that were given, with their texts, in the order of the command line.
    private var values: [(setting: Setting<Settings>, text: String)] = []
    /// The options of commands that were given.
    private var given: [String: String] = [:]

    /// Reads a command line, whose first word is the name of the program.
    init(_ arguments: [String], of program: ProgramDefinition<Settings>) throws(StartupFailure) {
        let all = program.options
        let known = all.map { LongOptions.Known(name: $0.name, takesValue: $0.placeholder != nil) }
        if arguments.isEmpty {
            throw StartupFailure(
                .osError, "the process has no command line; start it with at least the program's name as its first argument")
        }
        do throws(CommandLineFault) {
            let scan = try LongOptions.scan(arguments, for: known) { word in
                program.refusals.first { word.hasPrefix("--" + $0.optionPrefix) }?.reason
            }
            take(scan.options, of: all)
            do throws(BadValue) {
                let command = try GivenCommand(scan.operands, options: given, of: program.commands)
                if request == .run, let command { request = .command(command) }
            } catch {
                throw CommandLineFault(error.sentence)
            }
        } catch {
            throw StartupFailure(.usage, error.sentence)
        }
    }

    private mutating func take(_ options: [LongOptions.Given], of all: [Option]) {
        for option in options {
            let text = option.value ?? ""
            switch all[option.index].effect {
            case .give: given[all[option.index].name] = text
            case .set(let setting): values.append((setting, text))
            case .readFile: configurationFile = text
            case .ask(let asked): request = asked
            }
        }
    }

    /// Puts what was given over what the configuration file said, and notes what is wrong with it. Of several values the last one counts,
    /// of a list all.
    func apply(to settings: inout Settings, of program: ProgramDefinition<Settings>, _ mistakes: inout Mistakes) {
        for setting in program.settings {
            guard let option = setting.option else { continue }
            let texts = values.filter { $0.setting.option == option }.map(\.text)
            if texts.isEmpty { continue }
            setting.clear(&settings)
            for text in texts {
                do throws(BadValue) {
                    try setting.apply(&settings, text)
                } catch {
                    mistakes.add(StartupFailure(.usage, "--\(option): \(error.sentence)"))
                }
            }
        }
    }

    /// Whether a setting was given.
    package func has(option name: String) -> Bool { values.contains { $0.setting.option == name } }
}

extension ProgramDefinition {
    /// Every option: those of the settings, and those that only the command line has.
    var options: [CommandLineOptions<Settings>.Option] {
        settings.compactMap { setting in setting.option.map { .init($0, setting.placeholder, setting.help, .set(setting)) } } + [
            .init("config-file", "FILE", "the configuration file to read", .readFile),
            .init("check-config", nil, "say whether the configuration is right, and end", .ask(.checkConfig)),
        ] + requests.map { .init($0.name, nil, $0.help, .ask(.other($0.name))) } + commandOptions + [
            .init("version", nil, "print the version, and end", .ask(.version)),
            .init("help", nil, "print this, and end", .ask(.help)),
        ]
    }

    /// The options of all commands, each once.
    private var commandOptions: [CommandLineOptions<Settings>.Option] {
        var known: Set<String> = []
        return commands.flatMap(\.options).filter { known.insert($0.name).inserted }.map { .init($0.name, $0.placeholder, $0.help, .give) }
    }

    /// What `--help` prints: the usage, every option with its meaning and default, and where the rest stands.
    package var helpText: String {
        let rows = options.map { option in
            (usage: usage(option), meaning: option.help + (fallback(option).map { " (default: \($0))" } ?? ""))
        }
        let width = rows.map(\.usage.count).max() ?? 0
        let lines = rows.map { row in
            "  " + row.usage + String(repeating: " ", count: width - row.usage.count + 2) + row.meaning
        }
        return """
            Usage: \(name) [OPTION]...\(commands.map { "\n       \(name) [OPTION]... \($0.usage)" }.joined())
            \(summary)

            \(lines.joined(separator: "\n"))\(commandHelp)

            The command line wins over the configuration file, whose keys \(defaultFile) describes.
            """
    }

    private var commandHelp: String {
        commands.isEmpty ? "" : "\n\n" + commands.map { "\($0.words.joined(separator: " ")): \($0.help)" }.joined(separator: "\n")
    }

    private func usage(_ option: CommandLineOptions<Settings>.Option) -> String {
        option.placeholder.map { "--\(option.name) \($0)" } ?? "--\(option.name)"
    }

    private func fallback(_ option: CommandLineOptions<Settings>.Option) -> String? {
        switch option.effect {
        case .set(let setting): setting.text(Settings())
        case .readFile: "\(defaultFile), where it exists"
        case .ask, .give: nil
        }
    }
}
