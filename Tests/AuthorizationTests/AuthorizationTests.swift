import Authorization
import LBaaS
import TestSupport
import Testing

@Suite("Authorization")
struct AuthorizationTests {
    @Test("is by a table of actions and roles")
    func table() {
        let allowed: [Action: Set<Role>] = [
            .read: [.viewer, .operator, .admin], .change: [.operator, .admin], .administer: [.admin],
        ]
        for action in Action.allCases {
            for role in Role.allCases {
                let decision = Decision.on(action, by: Principal(name: "alice", role: role))
                let reason = "alice has the role \(role.rawValue), and this request needs \(action.role.rawValue)"
                #expect(decision == (allowed[action, default: []].contains(role) ? .allowed : .denied(reason)))
            }
            guard case .unknown(let reason) = Decision.on(action, by: nil) else { return #expect(Bool(false), "nobody may do nothing") }
            #expect(reason.contains(action.role.rawValue))
        }
    }

    @Test("of local processes is by user and groups, the greatest role first")
    func local() {
        let access = LocalAccess(serviceUser: 500, operators: [20, 21], viewers: [30])
        let role = { (user: UInt32, group: UInt32, groups: [UInt32]) in access.principal(user: user, group: group, groups: groups)?.role }
        #expect(role(0, 99, []) == .admin)
        #expect(role(500, 99, [30]) == .admin)
        #expect(role(1000, 20, []) == .operator)
        #expect(role(1000, 99, [30, 21]) == .operator)
        #expect(role(1000, 30, []) == .viewer)
        #expect(role(1000, 99, [98, 30]) == .viewer)
        #expect(role(1000, 99, [98]) == nil)
        // Root's group is nobody's privilege.
        #expect(role(1000, 0, [0]) == nil)
        #expect(access.principal(user: 1000, group: 20, groups: [])?.name == "uid:1000")
    }

    @Test("finds the owner of a token by its hash")
    func tokens() throws {
        let token = Token.make()
        let table = try TokenTable(
            """
            # NAME ROLE SHA256

            alice\toperator  \(Token.hash(token).hexadecimal)
              ci@host:1 viewer BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\r
            """)
        #expect(table.count == 2)
        #expect(table.principal(token: token) == Principal(name: "alice", role: .operator))
        // The SHA-256 of "abc" by FIPS 180-4.
        #expect(table.principal(token: "abc") == Principal(name: "ci@host:1", role: .viewer))
        #expect(table.principal(token: "ABC") == nil)
        #expect(table.principal(token: "") == nil)
        #expect(table.principal(name: "alice")?.role == .operator)
        #expect(table.principal(name: "bob") == nil)
        #expect(try TokenTable("").count == 0)
    }

    @Test("tells every mistake in a text of tokens by its line, and no hash")
    func mistakes() throws {
        let hash = String(repeating: "a", count: 64)
        let failure = try #require(throws: PrincipalFile.Failure.self) {
            _ = try TokenTable(
                """
                alice operator
                alice operator \(hash) more
                a/b operator \(hash)
                \(String(repeating: "n", count: 65)) operator \(hash)
                alice root \(hash)
                alice admin \(hash)b
                alice admin \(hash.dropLast())g
                alice admin \(hash.dropLast())é
                alice admin \(hash)
                alice viewer \(hash.dropLast())b
                bob viewer \(hash.uppercased())
                """)
        }
        #expect(failure.mistakes.map(\.line) == [1, 2, 3, 4, 5, 6, 7, 8, 10, 11])
        #expect(failure.mistakes[0].message == "a line is NAME ROLE SHA256, and this one has 2 words")
        #expect(failure.mistakes[4].message == "the second word is not a role: viewer, operator or admin")
        #expect(failure.mistakes[8].message == "alice has a line already")
        #expect(failure.mistakes[9].message == "bob has the token of alice: give each a token of its own")
        #expect(failure.mistakes.allSatisfy { !$0.message.contains("aaaa") })
    }

    @Test("reads the token of a header", arguments: [("Bearer x_-1", "x_-1"), ("bearer  x", "x"), ("BEARER x", "x")])
    func bearer(header: String, token: String) {
        #expect(Token.bearer(header).map(String.init) == token)
    }

    @Test("reads no token of other headers", arguments: ["", "Bearer", "Bearer ", "Basic eDp5", "Bearerx", "Bearer a b"])
    func noBearer(header: String) {
        #expect(Token.bearer(header) == nil)
    }

    @Test("makes tokens that nobody guesses")
    func make() {
        let tokens = Set((0..<1000).map { _ in Token.make() })
        #expect(tokens.count == 1000)
        #expect(tokens.allSatisfy { $0.utf8.count == 47 && $0.hasPrefix("lbt_") })
        #expect(Set(tokens.joined()).count == 64)
    }

    @Test("survives any text of tokens")
    func random() {
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<500 {
            let bytes = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in
                [0x0A, 0x20, 0x23, 0x61, 0x66, 0x00, 0xFF, UInt8.random(in: 0...255, using: &generator)].randomElement(using: &generator)
                    ?? 0
            }
            _ = try? TokenTable(String(decoding: bytes, as: UTF8.self))
        }
    }
}
