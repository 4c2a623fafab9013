import HostSystem
import TestSupport
import Testing

@testable import Authorization

/// A request that is signed, and what somebody changes of it.
private struct Sent {
    var method = "PUT"
    var scheme = "https"
    var authority = "host:8780"
    var path = "/v1/load-balancers/shop"
    var query: String? = "dry_run=true"
    var fields: [(name: String, value: String)] = []

    var request: SignedRequest {
        SignedRequest(method: method, scheme: scheme, authority: authority, path: path, query: query) { [fields] name in
            fields.filter { $0.name.lowercased() == name }.map(\.value)
        }
    }

    /// The value of a field.
    subscript(name: String) -> String {
        get { fields.first { $0.name == name }?.value ?? "" }
        set { fields = fields.filter { $0.name != name } + [(name, newValue)] }
    }
}

/// Requests are signed by RFC 9421.
@Suite struct SignatureTests {
    private static let secret = "lbk_0123456789012345678901234567890123456789abc"
    private static let now = 1_700_000_000
    private let body = Array("{\"weight\": 1}".utf8)
    private let table: SignatureTable

    init() throws { table = try SignatureTable("ann operator \(Self.secret)\n", start: Self.now - 200) }

    private func signed(
        by name: String = "ann", secret: String = secret, created: Int = now, nonce: String? = nil, hasBody: Bool = true,
        _ change: (inout Sent) -> Void = { _ in }
    ) throws -> Sent {
        let key = try #require(SigningKey(name: name, secret: secret))
        var sent = Sent()
        change(&sent)
        sent.fields += key.fields(signing: sent.request, body: hasBody ? body : nil, created: created, nonce: nonce)
        return sent
    }

    private func refusal(of sent: Sent, hasBody: Bool = true) -> String? {
        do throws(SignatureFault) {
            _ = try table.signer(of: sent.request, hasBody: hasBody, now: Self.now)
            return nil
        } catch {
            return error.sentence
        }
    }

    @Test func theTestCaseOfTheStandardHasItsSignature() throws {
        // RFC 9421, B.1.5 and B.2.5.
        let secret = try #require(
            Base64.decode("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="))
        let fields = ["date": "Tue, 20 Apr 2021 02:07:55 GMT", "content-type": "application/json"]
        let request = SignedRequest(
            method: "POST", scheme: "https", authority: "example.com", path: "/foo", query: "param=Value&Pet=dog"
        ) { fields[$0].map { [$0] } ?? [] }
        let input = #"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#
        guard case .list(let covered)? = try StructuredField.dictionary(input).first?.member else { throw Failure("there is no list") }
        let base = try request.base(covered)
        #expect(
            base == """
                "date": Tue, 20 Apr 2021 02:07:55 GMT
                "@authority": example.com
                "content-type": application/json
                "@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"
                """)
        let key = SigningKey(name: "test-shared-secret", bytes: secret)
        let code = try #require(Base64.decode("pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="))
        #expect(key.code(of: base) == code && key.isCode(code, of: base))
        #expect(!key.isCode(code.dropLast() + [code[31] ^ 1], of: base) && !key.isCode([], of: base) && !key.isCode(code, of: base + " "))
    }

    @Test func theComponentsAreThoseOfTheStandard() throws {
        func lines(_ request: SignedRequest, _ names: String...) throws -> [String] {
            let items = names.map { StructuredField.Item(value: .string($0)) }
            return try request.base(StructuredField.List(items: items)).split(separator: "\n").dropLast().map(String.init)
        }
        // RFC 9421, 2.1 and 2.2.
        let request = SignedRequest(
            method: "GET", scheme: "https", authority: "www.Example.com:443", path: "/path", query: "param=value"
        ) { ["x-ows-header": ["  Leading and trailing whitespace.\t"], "x-two": [" a ", "b, c"], "x-empty": [""]][$0] ?? [] }
        #expect(
            try lines(request, "@method", "@target-uri", "@authority", "@scheme", "@path", "@query", "x-ows-header", "x-two", "x-empty")
                == [
                    #""@method": GET"#, #""@target-uri": https://www.Example.com:443/path?param=value"#, #""@authority": www.example.com"#,
                    #""@scheme": https"#, #""@path": /path"#, #""@query": ?param=value"#,
                    #""x-ows-header": Leading and trailing whitespace."#, #""x-two": a, b, c"#, #""x-empty": "#,
                ])
        let bare = SignedRequest(method: "GET", scheme: "http", authority: "h:8080", path: "", query: nil)
        #expect(try lines(bare, "@authority", "@path", "@query") == [#""@authority": h:8080"#, #""@path": /"#, #""@query": ?"#])
        for wrong in ["@status", "@query-param", "@signature-params", "X-Two", "missing"] {
            #expect(throws: SignatureFault.self, "\(wrong)") { try lines(request, wrong) }
        }
        #expect(throws: SignatureFault.self) { try lines(request, "@method", "@method") }
    }

    @Test func aSignatureIsAcceptedOnce() throws {
        let sent = try signed()
        let signer = try table.signer(of: sent.request, hasBody: true, now: Self.now)
        #expect(signer.principal == Principal(name: "ann", role: .operator) && signer.digest == Token.hash(body))
        #expect(refusal(of: sent) == "the nonce was used before: a request cannot be sent again, sign a new one")
        let bodiless = try signed(hasBody: false) { $0.query = nil }
        #expect(try table.signer(of: bodiless.request, hasBody: false, now: Self.now).digest == nil)
        #expect(refusal(of: try signed(nonce: "n")) == nil)
        #expect(refusal(of: try signed(created: Self.now - 1, nonce: "n")) == nil)
    }

    @Test func aRequestThatWasChangedDoesNotMatch() throws {
        let changes: [(inout Sent) -> Void] = [
            { $0.method = "DELETE" }, { $0.authority = "other:8780" }, { $0.path += "/enable" }, { $0.query = nil }, { $0.query = "" },
            { $0.query = "dry_run=false" }, { $0["Content-Digest"] = ContentDigest.field(of: []) },
            { $0["Signature"] = "lbaas=:AAAA:" }, { $0["Signature"] = "lbaas=::" },
            { $0["Signature-Input"] = $0["Signature-Input"].replacing("created=1700000000", with: "created=1700000001") },
            { $0["Signature-Input"] = $0["Signature-Input"].replacing(";alg=\"hmac-sha256\"", with: "") },
        ]
        for change in changes {
            var sent = try signed()
            change(&sent)
            #expect(refusal(of: sent) == "the signature does not match", "\(sent)")
        }
        #expect(refusal(of: try signed(secret: String(repeating: "x", count: 32))) == "the signature does not match")
        // Nobody has used its nonce by that.
        let sent = try signed(nonce: "once")
        var changed = sent
        changed.path = "/"
        #expect(refusal(of: changed) != nil && refusal(of: sent) == nil)
    }

    @Test func whatIsWrongIsSaid() throws {
        func input(_ change: (String) -> String) throws -> String? {
            var sent = try signed()
            sent["Signature-Input"] = change(sent["Signature-Input"])
            return refusal(of: sent)
        }
        #expect(refusal(of: try signed(by: "bob")) == "there is no key of the name \"bob\"")
        #expect(refusal(of: try signed(created: Self.now - 301))?.hasPrefix("the signature is 301 s old, and may be 300 s old") == true)
        let early = refusal(of: try signed(created: Self.now - 201))
        #expect(early?.hasPrefix("the signature is older than what this worker remembers") == true)
        for created in [Self.now - 200, Self.now + 10] { #expect(refusal(of: try signed(created: created)) == nil) }
        #expect(refusal(of: try signed(created: Self.now + 11))?.hasPrefix("the signature is of 11 s from now") == true)
        #expect(try input { "\($0);expires=1699999999" } == "the signature has expired")
        #expect(try input { "\($0);expires=\"x\"" } == "the signature has expired")
        #expect(try input { $0.replacing(";nonce=", with: ";x=") }?.hasPrefix("the signature has no nonce") == true)
        #expect(refusal(of: try signed(nonce: ""))?.hasPrefix("the signature has no nonce") == true)
        #expect(refusal(of: try signed(nonce: String(repeating: "n", count: 256)))?.hasPrefix("the signature has no nonce") == true)
        #expect(try input { $0.replacing(";created=", with: ";x=") }?.hasPrefix("the signature has no created") == true)
        #expect(try input { $0.replacing(";keyid=", with: ";x=") }?.hasPrefix("the signature has no keyid") == true)
        #expect(try input { $0.replacing("hmac-sha256", with: "rsa-v1_5-sha256") }?.contains("understands \"hmac-sha256\" only") == true)
        for name in ["@method", "@authority", "@path", "@query"] {
            let refused = try input { $0.replacing("\"\(name)\"", with: "\"content-digest\"") }
            #expect(refused?.hasPrefix("the signature must cover @method") == true)
        }
        #expect(try input { $0.replacing(" \"content-digest\"", with: "") }?.hasPrefix("the signature must cover content-digest") == true)
        #expect(refusal(of: try signed(hasBody: false))?.hasPrefix("the signature must cover content-digest") == true)
        #expect(try input { "\($0), other=()" } == "Signature-Input: must have one signature, and has 2")
        #expect(try input { _ in "" } == "Signature-Input: must have one signature, and has 0")
        #expect(try input { $0.replacing("lbaas=", with: "x=") }?.hasPrefix("Signature: must have the bytes") == true)
        #expect(try input { "\($0);" }?.hasPrefix("Signature-Input: a name is missing behind ") == true)
        for digest in ["sha-512=:AAAA:", "sha-256=:AAAA:", "sha-256=1", ""] {
            var sent = try signed()
            sent["Content-Digest"] = digest
            #expect(refusal(of: sent) == "Content-Digest: has no sha-256 of 32 bytes")
        }
    }

    @Test func theLatestNoncesAreRememberedAndWhatIsOlderIsRefused() {
        var memory = NonceMemory(since: 100, limit: 3)
        #expect(memory.take("a", created: 99, oldest: 0) == .tooOld(100))
        for created in 100...102 { #expect(memory.take("a", created: created, oldest: 0) == .new) }
        #expect(memory.take("a", created: 101, oldest: 0) == .used)
        #expect(memory.take("b", created: 101, oldest: 0) == .new)
        // The fourth has pushed out those of the time 100.
        #expect(memory.take("b", created: 100, oldest: 0) == .tooOld(101))
        // What is too old in any case is forgotten without that.
        #expect(memory.take("c", created: 110, oldest: 102) == .new)
        #expect(memory.take("d", created: 110, oldest: 102) == .new)
        #expect(memory.take("c", created: 102, oldest: 102) == .new)
    }

    @Test func aFileOfKeysHasSecretsOfItsOwnForEach() throws {
        #expect(try SignatureTable("# who\nann operator \(Self.secret)\nbob viewer \(Self.secret)2\n", start: 0).count == 2)
        let failure = try #require(throws: PrincipalFile.Failure.self) {
            _ = try SignatureTable(
                """
                ann \(Self.secret) operator
                ann operator short
                ann operator \(String(repeating: "é", count: 20))
                ann operator \(Self.secret)
                bob viewer \(Self.secret)
                ann viewer \(Self.secret)2
                """, start: 0)
        }
        #expect(failure.mistakes.map(\.line) == [1, 2, 3, 5, 6])
        #expect(failure.mistakes[0].message == "the second word is not a role: viewer, operator or admin")
        #expect(failure.mistakes[3].message == "bob has the secret of ann: give each a secret of its own")
        #expect(failure.mistakes.allSatisfy { !$0.message.contains("lbk_") })
        let key = try #require(SigningKey(name: "ann", secret: Self.secret))
        #expect(!"\(key) \(String(reflecting: key))".contains("lbk_"))
        #expect(SigningKey.makeSecret().hasPrefix("lbk_") && SigningKey.makeSecret() != SigningKey.makeSecret())
    }
}

/// Structured fields are read by RFC 8941.
@Suite struct StructuredFieldTests {
    @Test(arguments: [
        "", "a=1", "a", "a;b", "a=-999999999999999", "a=\"x\\\"y\\\\z\", b=tok/en:*, c=:AAEC:, d=?0", "a=();b=1;c=?0",
        "sig1=(\"@method\" \"x\";key=\"a\" tok 1);created=1;keyid=\"k\", *b=(\"\")", "a=*", "a-b_c.d*=1",
    ])
    func aTextIsReadAndWrittenAgain(text: String) throws {
        let written = try StructuredField.dictionary(text).map { name, member in
            switch member {
            case .item(let item) where item.value == .boolean(true): name + item.parameters.text
            case .item(let item): "\(name)=\(item.text)"
            case .list(let list): "\(name)=\(list.text)"
            }
        }
        #expect(written.joined(separator: ", ") == text)
    }

    @Test func blanksAreWhereTheyMayBe() throws {
        let read = try StructuredField.dictionary("  a=( 1  2 );  b ,\t c=?1  ")
        #expect(read.map(\.name) == ["a", "c"])
        let list = StructuredField.List(
            items: [.init(value: .integer(1)), .init(value: .integer(2))], parameters: .init(["b": .boolean(true)]))
        #expect(read[0].member == .list(list))
    }

    @Test(arguments: [
        ",", "a,", "a=", "a=1,,b", "A=1", "1=1", "a = 1", "a=1 b=2", "a=1, a=2", "a=(1", "a=(1,2)", "a=(1)2", "a=(\"x\"\"y\")", "a=\"x",
        "a=\"\\x\"", "a=\"\t\"", "a=\"é\"", "a=:AA:", "a=:AAAA", "a=: AAAA:", "a=?2", "a=?", "a=1.5", "a=1000000000000000", "a=-", "a=+1",
        "a;", "a;=1", "a;b;b", "a=1;B", "a=@x", "é", "a\u{0}", "a=((1))",
    ])
    func whatIsNoDictionaryIsRefused(text: String) {
        #expect(throws: StructuredField.Fault.self) { try StructuredField.dictionary(text) }
    }

    @Test func eachListHasALimit() throws {
        let numbers = (0..<33).map(String.init)
        let parts: (ArraySlice<String>) -> [String] = { numbers in
            [
                numbers.map { "a\($0)" }.joined(separator: ","), "a=(\(numbers.joined(separator: " ")))",
                "a=1\(numbers.map { ";a\($0)" }.joined())",
            ]
        }
        for text in parts(numbers[..<32]) { _ = try StructuredField.dictionary(text) }
        for text in parts(numbers[...]) { #expect(throws: StructuredField.Fault.self) { try StructuredField.dictionary(text) } }
    }

    @Test func anyTextIsReadToAnEnd() {
        var generator = SeededGenerator(seed: 9421)
        let pieces = ["a", "=", "(", ")", ";", ",", " ", "\"", "\\", ":", "?1", "-", "9", "*", "AAAA", "é", "\u{0}", "\t"]
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 0..<30, using: &generator)).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            _ = try? StructuredField.dictionary(text)
        }
    }
}
