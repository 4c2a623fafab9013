import DaemonSupport
import KeepalivedFile

/// A keepalived.conf: what comes out is a configuration file without a mistake of form, and each remark is on a line of the input.
func fuzzKeepalivedFile(_ input: [UInt8]) {
    let lineCount = input.count { $0 == UInt8(ascii: "\n") } + 1
    do throws(KeepalivedFile.Failure) {
        let result = KeepalivedImport(try KeepalivedFile(input), name: "fuzz")
        for remark in result.remarks {
            require(1...lineCount ~= remark.line && !remark.sentence.isEmpty, "a remark on line \(remark.line) of \(lineCount)")
        }
        let problems = INIText(Array(result.configuration.utf8)).problems
        require(problems.isEmpty, "line \(problems[0].line) of the result: \(problems[0].sentence)")
    } catch {
        require(1...lineCount ~= error.line, "a failure on line \(error.line) of \(lineCount)")
    }
}
