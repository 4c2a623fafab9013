import TestSupport
import Testing
import WorkerHarness

@Suite struct LoadingTests {
    @Test func libcurlIsLoadedWhereARequestIsSentAndNowhereElse() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("no library", to: "libcurl.so.4")
        let program = try builtProgram("lbaasctl")
        func run(_ words: String) throws -> String {
            try runProgram("/bin/sh", ["-c", "LD_LIBRARY_PATH='\(folder.path)' '\(program)' \(words); echo \"status $?\""])
        }
        for words in ["--version", "--help", "completion bash"] { #expect(try run(words).hasSuffix("status 0\n"), "\(words)") }
        let refused = try run("--socket /nowhere list")
        #expect(refused.hasPrefix("libcurl cannot be used; install the package libcurl4: \(folder.path)/libcurl.so.4: "), "\(refused)")
        #expect(refused.hasSuffix("status 72\n"), "\(refused)")
    }
}
