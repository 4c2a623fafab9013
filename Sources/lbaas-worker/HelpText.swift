/// What `--help` prints.
enum HelpText {
    /// The usage, every option with its meaning and default, and where the rest stands.
    static func make(defaultFile: String) -> String {
        let rows = CommandLineOptions.all.map { option in
            (usage: usage(option), meaning: option.help + (fallback(option, defaultFile: defaultFile).map { " (default: \($0))" } ?? ""))
        }
        let width = rows.map(\.usage.count).max() ?? 0
        let lines = rows.map { row in
            "  " + row.usage + String(repeating: " ", count: width - row.usage.count + 2) + row.meaning
        }
        return """
            Usage: lbaas-worker [OPTION]...
            Takes load-balancer jobs from Gearman job servers and makes a load balancer of this host be what they ask for.

            \(lines.joined(separator: "\n"))

            The command line wins over the configuration file, whose keys \(defaultFile) describes.
            """
    }

    private static func usage(_ option: CommandLineOptions.Option) -> String {
        option.placeholder.map { "--\(option.name) \($0)" } ?? "--\(option.name)"
    }

    private static func fallback(_ option: CommandLineOptions.Option, defaultFile: String) -> String? {
        switch option.effect {
        case .set(let setting): setting.text(Settings())
        case .readFile: "\(defaultFile), where it exists"
        case .ask: nil
        }
    }
}
