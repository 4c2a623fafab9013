@unsafe @preconcurrency import CGetopt
import Synchronization

/// Why a command line is refused.
package struct CommandLineFault: Error, Equatable {
    /// What is wrong, and what to do.
    package let sentence: String

    /// A fault, described by this sentence.
    package init(_ sentence: String) { self.sentence = sentence }
}

/// Splits a command line into options, their values and operands, as `getopt_long` does.
package enum LongOptions {
    /// An option that may be given.
    package struct Known {
        let name: String
        let letter: Character?
        let takesValue: Bool

        /// An option.
        ///
        /// - Parameter letter: its short form, a letter of ASCII; nil for none.
        package init(name: String, letter: Character? = nil, takesValue: Bool) {
            (self.name, self.letter, self.takesValue) = (name, letter, takesValue)
        }
    }

    /// An option that was given.
    package struct Given {
        /// Its place among those that may be given.
        package let index: Int
        /// Its value, where it takes one.
        package let value: String?
    }

    /// `getopt_long` keeps its place in global variables, so that only one thread at a time can use it.
    private static let lock = Mutex(())

    /// `getopt_long` answers with the index of an option and this number, above all characters and so never one of its own answers.
    private static let firstAnswer: Int32 = 256

    /// The options and operands of a command line, whose first word is the name of the program. Operands and options may be mixed; behind
    /// `--` there are only operands.
    ///
    /// - Parameter refused: why a word that is no option is refused; nil where there is no special reason.
    package static func scan(
        _ arguments: [String], for known: [Known], refusing refused: (String) -> String? = { _ in nil }
    ) throws(CommandLineFault) -> (options: [Given], operands: [String]) {
        try lock.withLock { (_) throws(CommandLineFault) in
            try scanAlone(arguments, for: known, refusing: refused)
        }
    }

    private static func scanAlone(
        _ arguments: [String], for known: [Known], refusing refused: (String) -> String?
    ) throws(CommandLineFault) -> (options: [Given], operands: [String]) {
        let words = CStringArray(arguments)
        let names = CStringArray(known.map(\.name))
        var table: [option] = unsafe []
        for (index, entry) in known.enumerated() {
            let name = unsafe UnsafePointer(names.pointers[index])
            unsafe table.append(
                option(name: name, has_arg: entry.takesValue ? 1 : 0, flag: nil, val: firstAnswer + Int32(index)))
        }
        unsafe table.append(option())

        // The colon at the front tells a missing value from an unknown option.
        let letters = ":" + known.compactMap { option in option.letter.map { option.takesValue ? "\($0):" : "\($0)" } }.joined()
        // Zero makes glibc start afresh. The messages are our own.
        optind = 0
        opterr = 0
        var given: [Given] = []
        while true {
            let answer = unsafe getopt_long(Int32(arguments.count), words.pointers, letters, table, nil)
            if answer == -1 { break }
            // What was just looked at, for the messages: getopt only moves words behind this one.
            let word = words.string(at: Int(optind) - 1) ?? ""
            guard let index = index(of: answer, in: known) else { throw failure(answer, word: word, known: known, refused: refused) }
            let value = unsafe optarg.map { value in unsafe String(cString: value) }
            given.append(Given(index: index, value: known[index].takesValue ? value : nil))
        }
        return (given, (Int(optind)..<max(Int(optind), arguments.count)).compactMap { words.string(at: $0) })
    }

    /// Which option `getopt_long` answers with; nil for none.
    private static func index(of answer: Int32, in known: [Known]) -> Int? {
        if answer >= firstAnswer { return Int(answer - firstAnswer) }
        return known.firstIndex { $0.letter?.asciiValue.map(Int32.init) == answer }
    }

    /// What is wrong with the word that `getopt_long` stopped at.
    private static func failure(
        _ answer: Int32, word: String, known: [Known], refused: (String) -> String?
    ) -> CommandLineFault {
        if answer == Int32(UInt8(ascii: ":")) { return usage("\(word): needs a value") }
        if optopt >= firstAnswer { return usage("--\(known[Int(optopt - firstAnswer)].name): takes no value") }
        if let letter = UInt8(exactly: optopt), letter != 0 {
            let hint = known.contains { $0.letter != nil } ? "" : "; all options are long ones"
            return usage("-\(Character(UnicodeScalar(letter))): is not an option\(hint)")
        }
        let name = word.prefix { $0 != "=" }
        if let reason = refused(word) { return usage("\(name): \(reason)") }
        let meant = known.map { "--\($0.name)" }.filter { $0.hasPrefix(name) }
        if meant.count > 1 { return usage("\(name): may be \(meant.joined(separator: " or "))") }
        return usage("\(name): is not an option")
    }

    private static func usage(_ sentence: String) -> CommandLineFault { CommandLineFault("\(sentence); see --help") }
}
