@unsafe @preconcurrency import CGetopt
import Synchronization

/// Splits a command line into long options and their values, as `getopt_long` does.
enum LongOptions {
    /// An option that may be given.
    struct Known {
        let name: String
        let takesValue: Bool
    }

    /// An option that was given.
    struct Given {
        /// Its place among those that may be given.
        let index: Int
        /// Its value, where it takes one.
        let value: String?
    }

    /// `getopt_long` keeps its place in global variables, so that only one thread at a time can use it.
    private static let lock = Mutex(())

    /// `getopt_long` answers with the index of an option and this number, above all characters and so never one of its own answers.
    private static let firstAnswer: Int32 = 256

    /// The options of a command line, whose first word is the name of the program.
    ///
    /// - Parameter refused: why a word that is no option is refused; nil where there is no special reason.
    static func scan(
        _ arguments: [String], for known: [Known], refusing refused: (String) -> String?
    ) throws(StartupFailure) -> [Given] {
        try lock.withLock { (_) throws(StartupFailure) in
            try scanAlone(arguments, for: known, refusing: refused)
        }
    }

    private static func scanAlone(
        _ arguments: [String], for known: [Known], refusing refused: (String) -> String?
    ) throws(StartupFailure) -> [Given] {
        let words = CStringArray(arguments)
        let names = CStringArray(known.map(\.name))
        var table: [option] = unsafe []
        for (index, entry) in known.enumerated() {
            let name = unsafe UnsafePointer(names.pointers[index])
            unsafe table.append(
                option(name: name, has_arg: entry.takesValue ? 1 : 0, flag: nil, val: firstAnswer + Int32(index)))
        }
        unsafe table.append(option())

        // Zero makes glibc start afresh. The messages are our own, and the colon tells a missing value from an unknown option.
        optind = 0
        opterr = 0
        var given: [Given] = []
        while true {
            let answer = unsafe getopt_long(Int32(arguments.count), words.pointers, ":", table, nil)
            if answer == -1 { break }
            // What was just looked at, for the messages: getopt only moves words behind this one.
            let word = words.string(at: Int(optind) - 1) ?? ""
            guard answer >= firstAnswer else { throw failure(answer, word: word, known: known, refused: refused) }
            let index = Int(answer - firstAnswer)
            let value = unsafe optarg.map { value in unsafe String(cString: value) }
            given.append(Given(index: index, value: known[index].takesValue ? value : nil))
        }
        if let word = words.string(at: Int(optind)) {
            throw usage("'\(word)' is not an option; options begin with two dashes")
        }
        return given
    }

    /// What is wrong with the word that `getopt_long` stopped at.
    private static func failure(
        _ answer: Int32, word: String, known: [Known], refused: (String) -> String?
    ) -> StartupFailure {
        if answer == Int32(UInt8(ascii: ":")) { return usage("\(word): needs a value") }
        if optopt >= firstAnswer { return usage("--\(known[Int(optopt - firstAnswer)].name): takes no value") }
        if let letter = UInt8(exactly: optopt), letter != 0 {
            return usage("-\(Character(UnicodeScalar(letter))): is not an option; all options are long ones")
        }
        let name = word.prefix { $0 != "=" }
        if let reason = refused(word) { return usage("\(name): \(reason)") }
        let meant = known.map { "--\($0.name)" }.filter { $0.hasPrefix(name) }
        if meant.count > 1 { return usage("\(name): may be \(meant.joined(separator: " or "))") }
        return usage("\(name): is not an option")
    }

    private static func usage(_ sentence: String) -> StartupFailure {
        StartupFailure(.usage, "\(sentence); see --help")
    }
}
