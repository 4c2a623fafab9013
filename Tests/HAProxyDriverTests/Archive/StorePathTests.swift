import Testing

@testable import HAProxyDriver

@Suite("Paths in an object store")
struct StorePathTests {
    @Test(
        "An id is one part of a path, whatever is in it",
        arguments: [
            ("71", "71"), ("a-b_c.d~e", "a-b_c.d~e"), ("a b", "a%20b"), ("é", "%C3%A9"), ("a?b#c&d", "a%3Fb%23c%26d"),
            ("a/b", "a%252Fb"), ("/", "%252F"), (".", "%252E"), ("..", "%252E%252E"), ("...", "..."), ("a\0b", "a%2500b"),
            ("a\r\nb", "a%250D%250Ab"), ("a%2Fb", "a%25252Fb"), ("\\..\\", "%5C..%5C"),
        ])
    func ids(id: String, url: String) {
        #expect(StorePath.urlPath([StorePath.part(id)]) == url)
    }

    @Test("No two ids have one part")
    func injective() {
        let alphabet = ["/", "%", ".", "2", "5", "F", "\0", "a"]
        var ids = [""]
        var all: [String] = []
        for _ in 1...4 {
            ids = ids.flatMap { id in alphabet.map { id + $0 } }
            all += ids
        }
        #expect(Set(all.map { Array(StorePath.part($0).utf8) }).count == all.count)
        #expect(!all.contains { ["", ".", ".."].contains(StorePath.part($0)) || StorePath.part($0).utf8.contains(UInt8(ascii: "/")) })
    }

    @Test(
        "A base path has parts, and none of them is another place",
        arguments: [
            ("logs", ["logs"]), ("/logs/", ["logs"]), ("logs/lbaas", ["logs", "lbaas"]), ("my logs", ["my logs"]), ("a%b", ["a%b"]),
            ("", nil), ("/", nil), ("..", nil), ("logs/../other", nil), (".", nil), ("a//b", nil), ("a\nb", nil), ("a\0b", nil),
        ] as [(String, [String]?)])
    func basePaths(text: String, parts: [String]?) {
        #expect(StorePath.parts(text) == parts)
    }

    @Test(
        "An endpoint is the address of an HTTP server",
        arguments: [
            ("http://127.0.0.1:8080/v1/AUTH_test", "http://127.0.0.1:8080/v1/AUTH_test"),
            ("https://swift.example/v1/a/", "https://swift.example/v1/a"), ("HTTPS://[::1]:1//", "HTTPS://[::1]:1"),
            ("ftp://swift.example/", nil), ("file:///etc/passwd", nil), ("swift.example/v1", nil), ("", nil), ("http://", nil),
            ("http://user@swift.example/", nil), ("http://user:secret@swift.example/", nil), ("http://swift.example/?a=b", nil),
            ("http://swift.example/#a", nil), ("http://swift.example/\0", nil), ("http://swift.example/a b", nil),
            ("http://swift.example:99999/", nil), ("http://swift.example/\r\nX: y", nil),
        ] as [(String, String?)])
    func endpoints(text: String, address: String?) {
        #expect(ServerAddress(text)?.text == address)
    }
}
