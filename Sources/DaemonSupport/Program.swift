/// Everything that an operator can set for a program, with the values that hold where nothing is set.
package protocol ProgramSettings: Sendable {
    /// The defaults.
    init()
    /// The configuration file that was read, if any.
    var configurationFile: String? { get set }
    /// The sections of that file that are no tables of settings, by their names.
    var sections: [String: Section] { get set }
}

/// A section of the configuration file whose keys are not settings of the program itself.
package struct Section: Sendable, Equatable {
    /// The value of a key.
    package struct Value: Sendable, Equatable {
        /// The text behind the equals sign, and that of its continuation lines.
        package var text: String
        /// The line of the key.
        package var line: Int

        /// A value with its place.
        package init(text: String, line: Int) {
            self.text = text
            self.line = line
        }
    }

    /// The line of the section.
    package var line: Int
    /// The values by their keys.
    package var values: [String: Value] = [:]
}

/// What the command line and the configuration file of a program may say.
package struct ProgramDefinition<Settings: ProgramSettings>: Sendable {
    /// Sections whose keys are not settings of the program itself.
    package struct SectionKind: Sendable {
        /// The name, or its beginning.
        package let name: String
        /// Whether any name may follow, as in `[service:NAME]`.
        package let isPrefix: Bool
        /// Its keys.
        package let keys: [String]
        /// Keys that it may have too, and that are too many to be listed, such as numbered ones.
        package let furtherKeys: Set<String>

        /// Sections of this name, or of names that begin so, with these keys.
        package init(_ name: String, isPrefix: Bool = false, keys: [String], furtherKeys: Set<String> = []) {
            self.name = name
            self.isPrefix = isPrefix
            self.keys = keys
            self.furtherKeys = furtherKeys
        }

        /// How it is called where sections are listed.
        var placeholder: String { isPrefix ? "\(name)NAME" : name }

        func matches(_ section: String) -> Bool { isPrefix ? section.hasPrefix(name) && section != name : section == name }
    }

    /// An option that asks for something else than to run.
    package struct FurtherRequest: Sendable {
        /// The option, without its dashes.
        package let name: String
        /// What it does, in a sentence.
        package let help: String
        /// Whether the settings are read and checked for it.
        package let needsSettings: Bool

        /// A request.
        package init(_ name: String, needsSettings: Bool = false, _ help: String) {
            (self.name, self.needsSettings, self.help) = (name, needsSettings, help)
        }
    }

    /// Options and keys that the program knows and refuses.
    package struct Refusal: Sendable {
        /// What the options begin with, without their dashes.
        package let optionPrefix: String
        /// The section of the keys.
        package let section: String
        /// The keys.
        package let keys: [String]
        /// Why, and what to do instead.
        package let reason: String

        /// Options and keys that are refused for a reason.
        package init(optionPrefix: String, section: String, keys: [String], reason: String) {
            self.optionPrefix = optionPrefix
            self.section = section
            self.keys = keys
            self.reason = reason
        }
    }

    /// The name, as it is called.
    package let name: String
    /// What it does, in a sentence.
    package let summary: String
    /// The configuration file that is read where none is named.
    package let defaultFile: String
    /// The settings, in the order of the help.
    package let settings: [Setting<Settings>]
    /// Further options that ask for something else than to run.
    package let requests: [FurtherRequest]
    /// What it does where operands name it.
    package let commands: [ProgramCommand]
    /// The further sections.
    package let sectionKinds: [SectionKind]
    /// What is refused.
    package let refusals: [Refusal]

    /// A program.
    package init(
        name: String, summary: String, defaultFile: String, settings: [Setting<Settings>], requests: [FurtherRequest] = [],
        commands: [ProgramCommand] = [], sectionKinds: [SectionKind] = [], refusals: [Refusal] = []
    ) {
        self.name = name
        self.summary = summary
        self.defaultFile = defaultFile
        self.settings = settings
        self.requests = requests
        self.commands = commands
        self.sectionKinds = sectionKinds
        self.refusals = refusals
    }

    /// The sections that hold settings, in the order in which the settings name them, `[DEFAULT]` first.
    var settingSections: [String] {
        var names = ["DEFAULT"]
        for setting in settings where !names.contains(setting.section) { names.append(setting.section) }
        return names
    }

    /// Every section, as an error lists them.
    var shownSections: String { (settingSections + sectionKinds.map(\.placeholder)).map { "[\($0)]" }.joined(separator: ", ") }

    /// The keys that a section may have; nil where there is no such section.
    func keys(of section: String) -> [String]? {
        if settingSections.contains(section) { return settings.filter { $0.section == section }.map(\.key) }
        return sectionKinds.first { $0.matches(section) }?.keys
    }

    /// Whether a section may have a key that is not listed.
    func hasFurtherKey(_ key: String, section: String) -> Bool {
        sectionKinds.contains { $0.matches(section) && $0.furtherKeys.contains(key) }
    }

    /// Whether a section is one of those that any name may follow.
    func takesNames(_ section: String) -> Bool { sectionKinds.contains { $0.isPrefix && $0.matches(section) } }

    /// The setting of a key in the configuration file.
    package func setting(section: String, key: String) -> Setting<Settings>? { settings.first { $0.section == section && $0.key == key } }
}

/// What the program was started for.
package enum Invocation<Settings: ProgramSettings>: Sendable {
    /// Do its work.
    case run(Settings)
    /// Say whether these settings are right.
    case checkConfig(Settings)
    /// Print the version.
    case version
    /// Print this text.
    case help(String)
    /// What one of the program's own requests asks for that needs no settings.
    case other(String)
    /// What one of the program's own requests asks for.
    case otherOf(Settings, String)
    /// One of the program's commands.
    case command(Settings, GivenCommand)
}

extension Invocation: Equatable where Settings: Equatable {}

extension ProgramDefinition {
    /// Reads the command line, whose first word is the name of the program, and the configuration file.
    ///
    /// The file is the one that `--config-file` names, which must exist, or else the default one, which need not.
    ///
    /// - Parameter check: looks for further mistakes in the settings; gets the command line, the file, if there is one, and whether the
    ///   configuration is only to be checked.
    /// - Throws: all mistakes of both.
    package func read(
        arguments: [String],
        check: (Settings, CommandLineOptions<Settings>, ConfigurationFile?, Bool) throws(StartupFailure) -> Void = { _, _, _, _ in }
    ) throws(StartupFailure) -> Invocation<Settings> {
        let options = try CommandLineOptions(arguments, of: self)
        switch options.request {
        case .version: return .version
        case .help: return .help(helpText)
        case .other(let name) where !requests.contains { $0.name == name && $0.needsSettings }: return .other(name)
        case .run, .checkConfig, .other, .command: break
        }
        var settings = Settings()
        var mistakes = Mistakes()
        let path = options.configurationFile ?? defaultFile
        let file =
            mistakes.collect { () throws(StartupFailure) in
                try ConfigurationFile.read(path, mustExist: options.configurationFile != nil)
            } ?? nil
        file?.apply(to: &settings, of: self, &mistakes)
        options.apply(to: &settings, of: self, &mistakes)
        _ = mistakes.collect { () throws(StartupFailure) in try check(settings, options, file, options.request == .checkConfig) }
        try mistakes.check()
        return switch options.request {
        case .run: .run(settings)
        case .other(let name): .otherOf(settings, name)
        case .command(let command): .command(settings, command)
        default: .checkConfig(settings)
        }
    }
}
