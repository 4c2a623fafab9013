/// The configuration file: its sections and keys, each with its line.
package struct ConfigurationFile: Sendable {
    /// Where it is.
    package let path: String
    private let text: INIText

    /// Reads the file. Nil where there is none and it need not exist.
    static func read(_ path: String, mustExist: Bool) throws(StartupFailure) -> ConfigurationFile? {
        try FileText.read(path, mustExist: mustExist).map { ConfigurationFile(path: path, text: INIText($0)) }
    }

    /// The line of a key; nil where the file lacks it.
    package func line(section: String, key: String) -> Int? {
        for case .key(key, section, let values) in text.items { return values.first?.line }
        return nil
    }

    /// A failure at a line of the file.
    package func failure(_ line: Int, _ sentence: String) -> StartupFailure { StartupFailure(.config, "\(path):\(line): \(sentence)") }

    /// Sets everything that the file says, and notes what is wrong with it, in the order of the file.
    func apply<Settings>(to settings: inout Settings, of program: ProgramDefinition<Settings>, _ mistakes: inout Mistakes) {
        settings.configurationFile = path
        var found = text.problems.map { ($0.line, $0.sentence) }
        var seen: [String: Int] = [:]
        for item in text.items {
            do throws(Mistake) {
                switch item {
                case .section(let name, let line):
                    try open(name, line: line, program, &settings)
                case .key(let key, let section, let values):
                    if let earlier = seen.updateValue(values[0].line, forKey: "\(section)]\(key)") {
                        throw Mistake(values[0].line, "\(key) is given twice in [\(section)], first on line \(earlier); keep one of them")
                    }
                    try set(key: key, section: section, values: values, program, &settings)
                }
            } catch {
                found.append((error.line, error.sentence))
            }
        }
        // Stable: of one line, what its form is wrong in comes first.
        for (line, sentence) in found.sorted(by: { $0.0 < $1.0 }) { mistakes.add(failure(line, sentence)) }
    }

    /// What is wrong with a line.
    private struct Mistake: Error {
        let line: Int
        let sentence: String

        init(_ line: Int, _ sentence: String) {
            self.line = line
            self.sentence = sentence
        }
    }

    /// Checks that a section is known, and notes where one begins that is not a table of settings.
    private func open<Settings>(
        _ section: String, line: Int, _ program: ProgramDefinition<Settings>, _ settings: inout Settings
    ) throws(Mistake) {
        if program.settingSections.contains(section) { return }
        guard program.keys(of: section) != nil else {
            throw Mistake(line, "[\(section)] is not a section; the sections are \(program.shownSections)")
        }
        if settings.sections[section] == nil { settings.sections[section] = Section(line: line) }
    }

    private func set<Settings>(
        key: String, section: String, values: [INIText.Part], _ program: ProgramDefinition<Settings>, _ settings: inout Settings
    ) throws(Mistake) {
        let line = values[0].line
        if section.isEmpty { throw Mistake(line, "\(key) stands before the first section; put it below the section that it belongs to") }
        // Of an unknown section its own line is the mistake.
        guard let keys = program.keys(of: section) else { return }
        if let refusal = program.refusals.first(where: { $0.section == section && $0.keys.contains(key) }) {
            throw Mistake(line, "\(key): \(refusal.reason)")
        }
        guard keys.contains(key) || program.hasFurtherKey(key, section: section) else {
            let right = keys.isEmpty ? "it has none" : "its keys are \(keys.joined(separator: ", "))"
            throw Mistake(line, "'\(key)' is not a key of [\(section)]; \(right)")
        }
        try checkContinuations(of: key, values, keys: keys, program)
        if let setting = program.setting(section: section, key: key) {
            try set(setting, values: values, &settings)
        } else {
            if !program.takesNames(section), let comment = values.first(where: { hasNumberSignBehindOneWord($0.text) }) {
                throw Mistake(comment.line, Self.noComment(key))
            }
            let text = values.map(\.text).filter { !$0.isEmpty }.joined(separator: "\n")
            settings.sections[section]?.values[key] = Section.Value(text: text, line: line)
        }
    }

    /// Refuses a continuation line that sets a key or begins a section: its blank is most likely meant to be none.
    private func checkContinuations<Settings>(
        of key: String, _ values: [INIText.Part], keys: [String], _ program: ProgramDefinition<Settings>
    ) throws(Mistake) {
        for value in values.dropFirst() {
            let meant: String
            if let other = INIText.key(of: Substring(value.text)), keys.contains(String(other)) {
                meant = "set \(other)"
            } else if value.text.hasPrefix("["), value.text.hasSuffix("]"),
                program.keys(of: String(value.text.dropFirst().dropLast())) != nil
            {
                meant = "begin \(value.text)"
            } else {
                continue
            }
            throw Mistake(
                value.line,
                "this line begins with a blank, so that it continues the value of \(key), line \(values[0].line); "
                    + "to \(meant), take away the blanks before it")
        }
    }

    /// Sets a value. That of a list may go on over several lines.
    private func set<Settings>(_ setting: Setting<Settings>, values: [INIText.Part], _ settings: inout Settings) throws(Mistake) {
        if !setting.isList, values.count > 1 {
            throw Mistake(
                values[1].line, "a line that begins with a blank continues the one above, but \(setting.key) takes one value only")
        }
        if let comment = values.first(where: { hasNumberSign($0.text) }) { throw Mistake(comment.line, Self.noComment(setting.key)) }
        setting.clear(&settings)
        // An empty text is an error, but not where further lines have the values, or none is a value.
        let given = values.filter { !$0.text.isEmpty }
        if given.isEmpty, setting.mayBeEmpty { return }
        for value in given.isEmpty ? values : given {
            do throws(BadValue) {
                try setting.apply(&settings, value.text)
            } catch {
                throw Mistake(value.line, "\(setting.key): \(error.sentence)")
            }
        }
    }

    private static func noComment(_ key: String) -> String {
        "\(key): a # behind a value begins no comment and would be part of the value; \(commentAdvice)"
    }
}

/// How a comment is written.
package let commentAdvice = "write a blank and a semicolon before the comment, or put it on a line of its own that begins with #"

/// What to add to the complaint about a value that seems to have a comment in it; nothing where it has none.
package func commentHint(_ value: String) -> String { hasNumberSign(value) ? "; a # begins no comment here: \(commentAdvice)" : "" }

/// Whether a text has a number sign at its beginning or behind a blank: most likely it is meant to begin a comment.
func hasNumberSign(_ text: String) -> Bool { text.firstMatch(of: #/(^|\s)#/#) != nil }

/// Whether a text is one word, or none, and a number sign behind it.
private func hasNumberSignBehindOneWord(_ text: String) -> Bool { text.prefixMatch(of: #/(\S+\s+)?#/#) != nil }
