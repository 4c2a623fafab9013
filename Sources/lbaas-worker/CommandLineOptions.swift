/// What the command line says.
struct CommandLineOptions: Sendable {
    /// What the program is asked to do.
    enum Request: Sendable {
        case run, checkConfig, listDrivers, version, help
    }

    /// An option of the command line.
    struct Option: Sendable {
        /// What an option does.
        enum Effect: Sendable {
            case set(Setting)
            case readFile
            case ask(Request)
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
    /// The configuration file to read instead of the usual one.
    private(set) var configurationFile: String?
    /// The settings that were given, with their texts, in the order of the command line.
    private(set) var values: [(setting: Setting, text: String)] = []

    /// Every option: those of the settings, and those that only the command line has.
    static let all: [Option] =
        SettingsTable.all.compactMap { setting in
            setting.option.map { Option($0, setting.placeholder, setting.help, .set(setting)) }
        } + [
            Option("config-file", "FILE", "the configuration file to read", .readFile),
            Option("check-config", nil, "say whether the configuration is right, and end", .ask(.checkConfig)),
            Option("list-drivers", nil, "name the drivers, and end", .ask(.listDrivers)),
            Option("version", nil, "print the version, and end", .ask(.version)),
            Option("help", nil, "print this, and end", .ask(.help)),
        ]

    /// Reads a command line, whose first word is the name of the program.
    init(_ arguments: [String]) throws(StartupFailure) {
        let known = Self.all.map { LongOptions.Known(name: $0.name, takesValue: $0.placeholder != nil) }
        for given in try LongOptions.scan(arguments, for: known) {
            let text = given.value ?? ""
            switch Self.all[given.index].effect {
            case .set(let setting): values.append((setting, text))
            case .readFile: configurationFile = text
            case .ask(let asked): request = asked
            }
        }
    }

    /// Puts what was given over what the configuration file said. Of several values the last one counts, of a list all.
    func apply(to settings: inout Settings) throws(StartupFailure) {
        for setting in SettingsTable.all {
            let texts = values.filter { $0.setting.option == setting.option }.map(\.text)
            if setting.option == nil || texts.isEmpty { continue }
            setting.clear(&settings)
            for text in texts {
                do throws(BadValue) {
                    try setting.apply(&settings, text)
                } catch {
                    throw StartupFailure(.usage, "--\(setting.option ?? ""): \(error.sentence)")
                }
            }
        }
    }

    /// Whether a setting was given.
    func has(option name: String) -> Bool { values.contains { $0.setting.option == name } }
}
