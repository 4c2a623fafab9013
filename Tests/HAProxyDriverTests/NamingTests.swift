import LBaaS
import Testing

@testable import HAProxyDriver

@Suite struct NamingTests {
    @Test(arguments: [
        ("shop", "shop"), ("web-1.example", "web-1.example"), ("a_b", "a_5Fb"), ("a b\nserver x", "a_20b_0Aserver_20x"), ("é", "_C3_A9"),
        ("_5F", "_5F5F"), (":", "_3A"), ("#1", "_231"), ("$HOME", "_24HOME"), ("\"", "_22"),
    ])
    func everyByteThatCouldMeanSomethingIsWrittenAsDigits(_ id: String, _ name: String) {
        #expect(ApplianceName(LoadBalancerID(id)).text == name)
        #expect(ApplianceName(NodeID(id)).id == id)
    }

    @Test(arguments: ["", "_", "_5", "_5f", "_zz", "a:b", "_FF", "a b", "_sorry"])
    func whatIsNoNameOfAnIDHasNone(_ name: String) { #expect(ApplianceName(text: name).id == nil) }

    @Test func noTwoIDsHaveOneName() {
        var generator = SystemRandomNumberGenerator()
        var ids: [String: String] = [:]
        for _ in 0..<20_000 {
            let id = String(
                String.UnicodeScalarView(
                    (0..<Int.random(in: 1...3)).map { _ in
                        Unicode.Scalar(UInt8.random(in: 0..<128, using: &generator))
                    }))
            let name = ApplianceName(NodeID(id)).text
            #expect(ids.updateValue(id, forKey: name) ?? id == id)
        }
    }

    @Test(arguments: [
        ("/a b", "/a\\x20b"), ("#\"'\\$%", "\\x23\\x22\\x27\\x5c\\x24\\x25"), ("\n", "\\x0a"), ("a.b-c/d:1@e,f=g_h", "a.b-c/d:1@e,f=g_h"),
    ])
    func aWordHasNothingThatCouldEndIt(_ text: String, _ expected: String) { #expect(word(text) == expected) }
}
