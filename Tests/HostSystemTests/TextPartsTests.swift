import Testing

@testable import HostSystem

@Suite("Splitting text at bytes")
struct TextPartsTests {
    @Test("A separator beside a carriage return or a combining mark separates", arguments: ["\r", "\u{301}", "\u{200D}", "\u{FE0F}"])
    func neighbors(mark: String) {
        #expect("a\(mark)\n\(mark)b\n".parts(at: "\n").map { Array($0.utf8) } == ["a\(mark)", "\(mark)b"].map { Array($0.utf8) })
        #expect("a: \(mark)b".cut(at: ":").map { Array($0.after.utf8) } == Array(" \(mark)b".utf8))
        #expect("# \(mark)b".rest(after: "# ").map { Array($0.utf8) } == Array("\(mark)b".utf8))
        #expect(Array("* \(mark)b".dropping("*", " ").utf8) == Array("\(mark)b".utf8))
    }

    @Test("Empty parts are left out or kept, and the rest is left whole")
    func parts() {
        #expect(",a,,b".parts(at: ",") == ["a", "b"])
        #expect(",a,,b".parts(at: ",", omittingEmptySubsequences: false) == ["", "a", "", "b"])
        #expect("a b c d".parts(at: " ", maxSplits: 1) == ["a", "b c d"])
        #expect("".parts(at: " ").isEmpty)
        #expect("ab".cut(at: ":") == nil)
        #expect("ab".rest(after: "b") == nil)
        #expect("  ".dropping(" ") == "")
    }
}
