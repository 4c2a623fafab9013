import DaemonSupport

/// The text of a configuration file: every section, key, value and problem is on a line of it, and in the order of the lines.
func fuzzINIText(_ input: [UInt8]) {
    let text = INIText(input)
    let lineCount = input.count { $0 == UInt8(ascii: "\n") } + 1
    var last = 0
    func check(_ line: Int) {
        require(line >= last && line <= lineCount, "line \(line) behind line \(last) of \(lineCount)")
        last = line
    }
    for item in text.items {
        switch item {
        case .section(_, let line): check(line)
        case .key(_, _, let values):
            require(!values.isEmpty, "a key without a value on line \(last)")
            for value in values {
                check(value.line)
                require(!value.text.utf8.contains(UInt8(ascii: "\n")), "two lines in a value on line \(value.line)")
            }
        }
    }
    for problem in text.problems {
        require(1...lineCount ~= problem.line && !problem.sentence.isEmpty, "a problem on line \(problem.line) of \(lineCount)")
    }
}
