import LBaaS
import Testing

@Suite("A list of status codes")
struct StatusCodesTests {
    private func codes(_ list: String) -> [ClosedRange<UInt16>]? { [ClosedRange<UInt16>](statusCodes: list) }

    @Test("A short list stays as it is, a longer one is merged into the fewest ranges")
    func merging() {
        let short = (50...81).map { "\($0 * 2)" }.joined(separator: " , ")
        #expect(codes(short)?.count == 32 && codes("301,200-204,200")?.first == 301...301)
        let merged = codes(short + ",163-599,200") ?? []
        #expect(merged.count == 32 && merged.first == 100...100 && merged.last == 162...599)
    }

    @Test("A list of megabytes is read in one pass, and is few ranges then")
    func large() {
        let many = [String](repeating: "302,200-299,200,301", count: 200_000).joined(separator: ",")
        #expect(codes(many) == [200...299, 301...302])
        #expect(codes(many + ",2xx") == nil && codes(many + ",") == nil && codes(String(repeating: "9", count: 1 << 20)) == nil)
    }
}
