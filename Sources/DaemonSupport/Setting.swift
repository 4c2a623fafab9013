/// One thing that an operator can set, on the command line or in the configuration file.
package struct Setting<Settings: ProgramSettings>: Sendable {
    /// A key path into the settings that may cross threads.
    package typealias Path<Value> = any WritableKeyPath<Settings, Value> & Sendable

    /// The section of the configuration file.
    package let section: String
    /// The key in that section.
    package let key: String
    /// The long option, without its dashes; nil where only the file has it.
    package let option: String?
    /// What stands for the value in the help.
    package let placeholder: String
    /// What it does, in a sentence.
    package let help: String
    /// Whether it may be given several times, all of which count.
    package let isList: Bool
    /// Whether it is a list that the file may give no value.
    package let mayBeEmpty: Bool
    /// Takes away the values of a list, so that the first one given replaces what was there.
    package let clear: @Sendable (inout Settings) -> Void
    /// Reads a text and sets the value, or adds it to the list.
    package let apply: @Sendable (inout Settings, String) throws(BadValue) -> Void
    /// The value as text; nil where there is none.
    package let text: @Sendable (Settings) -> String?

    /// A setting that always has a value.
    package init<Value>(
        _ section: String, _ key: String, option: String? = nil, _ placeholder: String, _ help: String,
        _ path: Path<Value>, _ form: ValueForm<Value>
    ) {
        self.init(section, key, option, placeholder, help) { settings, text throws(BadValue) in
            settings[keyPath: path] = try form.read(text)
        } text: {
            form.write($0[keyPath: path])
        }
    }

    /// A setting that may have no value.
    package init<Value>(
        _ section: String, _ key: String, option: String? = nil, _ placeholder: String, _ help: String,
        optional path: Path<Value?>, _ form: ValueForm<Value>
    ) {
        self.init(section, key, option, placeholder, help) { settings, text throws(BadValue) in
            settings[keyPath: path] = try form.read(text)
        } text: {
            $0[keyPath: path].map(form.write)
        }
    }

    /// A setting with several values, separated by commas or blanks.
    ///
    /// - Parameter mayBeEmpty: whether the file may also give it no value.
    package init<Value>(
        _ section: String, _ key: String, option: String? = nil, _ placeholder: String, _ help: String,
        list path: Path<[Value]>, _ form: ValueForm<Value>, mayBeEmpty: Bool = false
    ) {
        self.init(section, key, option, placeholder, help, isList: true, mayBeEmpty: mayBeEmpty, clear: { $0[keyPath: path] = [] }) {
            settings, text throws(BadValue) in
            let words = text.split { $0 == "," || $0.isWhitespace }
            guard !words.isEmpty else { throw BadValue("no value; write one \(placeholder) or several") }
            for word in words { settings[keyPath: path].append(try form.read(String(word))) }
        } text: {
            $0[keyPath: path].isEmpty ? nil : $0[keyPath: path].map(form.write).joined(separator: ", ")
        }
    }

    private init(
        _ section: String, _ key: String, _ option: String?, _ placeholder: String, _ help: String,
        isList: Bool = false, mayBeEmpty: Bool = false, clear: @escaping @Sendable (inout Settings) -> Void = { _ in },
        apply: @escaping @Sendable (inout Settings, String) throws(BadValue) -> Void,
        text: @escaping @Sendable (Settings) -> String?
    ) {
        self.section = section
        self.key = key
        self.option = option
        self.placeholder = placeholder
        self.help = help
        self.isList = isList
        self.mayBeEmpty = mayBeEmpty
        self.clear = clear
        self.apply = apply
        self.text = text
    }
}
