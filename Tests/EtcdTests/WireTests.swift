import HTTPClient
import HostSystem
import JSON
import Testing

@testable import Etcd

@Suite struct WireTests {
    @Test("An endpoint is a scheme, a host and a port, and nothing else")
    func endpoints() throws {
        #expect(try EtcdEndpoint("http://10.0.0.1:2379").description == "http://10.0.0.1:2379")
        #expect(try EtcdEndpoint("https://etcd.example/").description == "https://etcd.example:2379")
        #expect(try EtcdEndpoint("https://[::1]:1").isSecure)
        let wrong = [
            "", "10.0.0.1:2379", "ftp://a", "http://a:99999", "http://a/v3", "http://u:p@a", "http://a?b", "http://a b", "http://a\0b",
            "http://",
        ]
        for text in wrong {
            let error = #expect(throws: EtcdError.self, "\(text)") { try EtcdEndpoint(text) }
            #expect(error?.code == .configuration)
            #expect(error?.message.contains("http://HOST:PORT") == true)
        }
        let none = #expect(throws: EtcdError.self) { try EtcdClient(EtcdConfiguration(endpoints: [])) }
        #expect(none?.code == .configuration)
    }

    @Test("Base64 is the standard alphabet with padding, and anything else is refused")
    func base64() {
        #expect(Base64.encode([UInt8]()) == "")
        #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ length) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
        for wrong in ["-_8=", "+/8", "A", "+/8= ", " +/8", "====", "AA=A", "\u{E9}AA"] { #expect(Base64.decode(wrong) == nil, "\(wrong)") }
    }

    @Test("The range of a prefix ends at the prefix with its last byte raised")
    func prefixes() {
        #expect(EtcdRange.prefix("/a/").end == Array("/a0".utf8))
        #expect(EtcdRange.prefix("").start == [0])
        #expect(EtcdRange.prefix("").end == [0])
        #expect(EtcdRange.key("k").end == nil)
        #expect(EtcdRange.prefix("/a/").rest(after: Array("/a/b".utf8)).start == Array("/a/b".utf8) + [0])
    }

    @Test("Requests have the fields of the gateway")
    func requests() {
        #expect(RequestWriting.put("k", Array("v".utf8)) == #"{"key":"aw==","value":"dg=="}"#)
        #expect(
            RequestWriting.range(.prefix("a"), limit: 2, revision: 7, isSerializable: true)
                == #"{"key":"YQ==","range_end":"Yg==","limit":2,"revision":7,"serializable":true}"#)
        #expect(RequestWriting.delete(.key("k")) == #"{"key":"aw=="}"#)
        let transaction = EtcdTransaction(
            compares: [
                EtcdCompare("k", .modRevision(5)), EtcdCompare("k", .notEqual, .value([0x76])), EtcdCompare("k", .less, .version(3)),
                EtcdCompare("k", .greater, .createRevision(1)),
            ], success: [.put("k", [0x76]), .delete(.key("k"))], failure: [.range(.key("k"))])
        #expect(
            RequestWriting.transaction(transaction) == """
                {"compare":[{"key":"aw==","result":"EQUAL","target":"MOD","mod_revision":5},\
                {"key":"aw==","result":"NOT_EQUAL","target":"VALUE","value":"dg=="},\
                {"key":"aw==","result":"LESS","target":"VERSION","version":3},\
                {"key":"aw==","result":"GREATER","target":"CREATE","create_revision":1}],\
                "success":[{"request_put":{"key":"aw==","value":"dg=="}},{"request_delete_range":{"key":"aw=="}}],\
                "failure":[{"request_range":{"key":"aw=="}}]}
                """)
        let leased = EtcdTransaction(compares: [], success: [.putLeased("k", [0x76], lease: 1 << 62), .keys(.key("k"))])
        #expect(
            RequestWriting.transaction(leased) == """
                {"compare":[],"success":[{"request_put":{"key":"aw==","value":"dg==","lease":"4611686018427387904"}},\
                {"request_range":{"key":"aw==","keys_only":true}}],"failure":[]}
                """)
        #expect(RequestWriting.lease(seconds: 60) == #"{"TTL":60}"#)
        #expect(
            RequestWriting.watch(.key("k"), from: 12)
                == #"{"create_request":{"key":"aw==","start_revision":12,"progress_notify":true}}"#)
        #expect(RequestWriting.authenticate(.init(name: "a\"b", password: "p")) == #"{"name":"a\"b","password":"p"}"#)
    }

    @Test("Lines are found however the pieces of a body are cut, and the last one needs no line end")
    func lines() {
        let text = Array("{\"a\":1}\n\n{\"b\":22}\n{\"error\":3}".utf8)
        for size in 1...text.count {
            var (reader, buffer, lines) = (LineReader(), [UInt8](), [[UInt8]]())
            for start in stride(from: 0, to: text.count, by: size) {
                buffer += text[start..<min(start + size, text.count)]
                lines += reader.lines(in: &buffer)
            }
            if let rest = reader.rest(of: &buffer) { lines.append(rest) }
            #expect(lines.map { String(decoding: $0, as: UTF8.self) } == ["{\"a\":1}", "{\"b\":22}", "{\"error\":3}"])
            #expect(buffer.isEmpty)
        }
    }

    @Test(
        "An answer that is not etcd's is refused with a reason",
        arguments: [
            "[]", "1", "{}", #"{"header":1}"#, #"{"header":{"revision":"x"}}"#, #"{"header":{},"kvs":1}"#, #"{"header":{},"kvs":[1]}"#,
            #"{"header":{},"kvs":[{"key":"-_8="}]}"#, #"{"header":{},"kvs":[{"key":1}]}"#, "", "{", "\u{0}",
        ])
    func wrongAnswers(_ text: String) throws {
        let tokenizer = try #require(JSONTokenizer())
        let name = RequestName(endpoint: try EtcdEndpoint("http://127.0.0.1:1"), operation: "range of k")
        let error = #expect(throws: EtcdError.self) {
            _ = try tokenizer.read(Array(text.utf8), of: name) { (root) throws(AnswerFault) in try root.snapshot() }
        }
        #expect(error?.code == .invalidAnswer)
        #expect(error?.message.hasPrefix("http://127.0.0.1:1: range of k: the answer is not etcd's: ") == true)
    }

    @Test("What the gateway leaves out is zero, and numbers come as strings")
    func answers() throws {
        let tokenizer = try #require(JSONTokenizer())
        let name = RequestName(endpoint: try EtcdEndpoint("http://127.0.0.1:1"), operation: "test")
        let text =
            #"{"header":{"revision":"9","member_id":"18446744073709551615"},"kvs":[{"key":"aw==","mod_revision":"4"}],"more":true}"#
        let snapshot = try tokenizer.read(Array(text.utf8), of: name) { (root) throws(AnswerFault) in try root.snapshot() }
        #expect(snapshot.revision == 9 && snapshot.hasMore)
        #expect(snapshot.entries == [EtcdKeyValue(key: "k", value: [], createRevision: 0, modRevision: 4, version: 0)])
    }
}
