import LBaaS

/// The configuration file: its sections and keys, each with its line.
struct ConfigurationFile: Sendable {
    /// Where it is.
    let path: String
    private let items: [IniScan.Item]

    /// Reads the file. Nil where there is none and it need not exist.
    static func read(_ path: String, mustExist: Bool) throws(StartupFailure) -> ConfigurationFile? {
        guard let text = try FileText.read(path, mustExist: mustExist) else { return nil }
        do throws(IniScan.Problem) {
            return ConfigurationFile(path: path, items: try IniScan.items(of: text))
        } catch {
            throw StartupFailure(.config, "\(path):\(error.line): \(error.sentence)")
        }
    }

    /// The line of a key; nil where the file lacks it.
    func line(of setting: Setting) -> Int? {
        for case .key(setting.key, setting.section, let values) in items { return values.first?.line }
        return nil
    }

    /// Sets everything that the file says.
    ///
    /// - Parameter known: the keys of the sections that drivers and notifiers have.
    func apply(to settings: inout Settings, known: [(name: String, keys: [String])]) throws(StartupFailure) {
        settings.configurationFile = path
        var seen: [String: Int] = [:]
        for item in items {
            switch item {
            case .section(let name, let line):
                try open(section: name, line: line, known: known, settings: &settings)
            case .key(let key, let section, let values):
                let line = values[0].line
                if let earlier = seen.updateValue(line, forKey: "\(section)]\(key)") {
                    throw failure(line, "\(key) is given twice in [\(section)], first on line \(earlier); keep one of them")
                }
                try set(key: key, section: section, values: values, known: known, settings: &settings)
            }
        }
    }

    /// Checks that a section is known, and notes where one begins that is not a table of settings.
    private func open(
        section: String, line: Int, known: [(name: String, keys: [String])], settings: inout Settings
    ) throws(StartupFailure) {
        if SettingsTable.sections.contains(section) { return }
        guard Self.keys(of: section, known) != nil else {
            let names = SettingsTable.sections + known.map(\.name) + ["\(ServiceSection.prefix)NAME"]
            throw failure(line, "[\(section)] is not a section; the sections are \(names.map { "[\($0)]" }.joined(separator: ", "))")
        }
        if settings.sections[section] == nil { settings.sections[section] = Section(line: line) }
    }

    private func set(
        key: String, section: String, values: [IniScan.Part], known: [(name: String, keys: [String])], settings: inout Settings
    ) throws(StartupFailure) {
        let line = values[0].line
        if section.isEmpty {
            throw failure(line, "\(key) stands before the first section; put it below [worker] or where it belongs")
        }
        if let keys = Self.keys(of: section, known) {
            try check(key, section: section, line: line, known: keys)
            let text = values.map(\.text).filter { !$0.isEmpty }.joined(separator: "\n")
            settings.sections[section]?.values[key] = Section.Value(text: text, line: line)
            return
        }
        if section == "gearman", TLS.isAsked(key: key) { throw failure(line, "\(key): \(TLS.refusal)") }
        guard let setting = SettingsTable.setting(section: section, key: key) else {
            try check(key, section: section, line: line, known: SettingsTable.all.filter { $0.section == section }.map(\.key))
            return
        }
        try set(setting, values: values, settings: &settings)
    }

    /// Sets a value. That of a list may go on over several lines.
    private func set(_ setting: Setting, values: [IniScan.Part], settings: inout Settings) throws(StartupFailure) {
        if !setting.isList, values.count > 1 {
            let line = values[1].line
            throw failure(line, "a line that begins with a blank continues the one above, but \(setting.key) takes one value only")
        }
        setting.clear(&settings)
        // An empty text is an error, but not where further lines have the values.
        let given = values.filter { !$0.text.isEmpty }
        for value in given.isEmpty ? values : given {
            do throws(BadValue) {
                try setting.apply(&settings, value.text)
            } catch {
                throw failure(value.line, "\(setting.key): \(error.sentence)")
            }
        }
    }

    /// Refuses a key that its section does not have.
    private func check(_ key: String, section: String, line: Int, known: [String]) throws(StartupFailure) {
        if known.contains(key) { return }
        let right = known.isEmpty ? "it has none" : "its keys are \(known.joined(separator: ", "))"
        throw failure(line, "'\(key)' is not a key of [\(section)]; \(right)")
    }

    private func failure(_ line: Int, _ sentence: String) -> StartupFailure {
        StartupFailure(.config, "\(path):\(line): \(sentence)")
    }

    /// The keys that a section may have which is not a table of settings; nil for any other.
    private static func keys(of section: String, _ known: [(name: String, keys: [String])]) -> [String]? {
        if section.hasPrefix(ServiceSection.prefix), section.utf8.count > ServiceSection.prefix.utf8.count { return ServiceSection.keys }
        return known.first { $0.name == section }?.keys
    }
}
