extension CommandTable {
    /// The manual page, for man(1), in the macros of man(7).
    ///
    /// - Parameters:
    ///   - date: when it was changed last, such as `2026-11-29`.
    ///   - version: the version of the program.
    package func manualPage(date: String, version: String) -> String {
        var page = """
            .TH \(program.uppercased()) 1 \(date) "\(program) \(version)"
            .SH NAME
            \(program) \\- \(escaped(summary))
            .SH SYNOPSIS
            .B \(program)
            .RI [ OPTION ...]
            .I COMMAND
            .SH DESCRIPTION
            \(paragraphs(details))
            .SH COMMANDS

            """
        for command in commands {
            page += ".TP\n.B \(escaped(command.usage))\n" + paragraphs(["\(command.summary)."] + command.details, inner: true) + "\n"
            if !command.options.isEmpty {
                page += ".IP\nOptions: \(escaped(command.options.map { "--\($0)" }.joined(separator: ", "))).\n"
            }
        }
        page += ".SH OPTIONS\n"
        for option in allOptions { page += ".TP\n.B \(escaped(option.usage))\n\(escaped(option.help)).\n" }
        for section in sections {
            page += ".SH \(section.title)\n"
            for entry in section.entries { page += ".TP\n.B \(escaped(entry.term))\n\(escaped(entry.meaning))\n" }
        }
        return page
    }

    private func paragraphs(_ texts: [String], inner: Bool = false) -> String {
        texts.map(escaped).joined(separator: inner ? "\n.IP\n" : "\n.PP\n")
    }

    /// Text as roff has it: a backslash and a dash mean something else there, and so do a dot and an apostrophe at the beginning of a line.
    private func escaped(_ text: String) -> String {
        var output = ""
        for character in text {
            switch character {
            case "\\": output += "\\e"
            case "-": output += "\\-"
            case ".", "'": output += output.isEmpty || output.last == "\n" ? "\\&\(character)" : String(character)
            default: output.append(character)
            }
        }
        return output
    }
}
