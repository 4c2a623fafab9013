import Authorization
import EtcdTestSupport
import FleetStore
import LBaaS
import TestSupport
import Testing

@testable import FleetAuth

@Suite struct AccountsTests {
    @Test("A user logs in with the name and the password, and is who the token says until it ends")
    func login() async throws {
        let bench = try AccountsBench()
        try await onThread {
            let accounts = try bench.server()
            #expect(try accounts.isEmpty())
            let user = try accounts.addUser("ann", password: "correct horse", role: .operator, project: "shop", by: .server)
            #expect(try !accounts.isEmpty() && accounts.users() == [user])
            let token = try accounts.logIn("ann", password: "correct horse", from: "192.0.2.7")
            #expect(token.text.hasPrefix("lbs_") && token.text.utf8.count == 47)
            // The store does not have the token.
            let values = try bench.store.all("").entries.map { String(decoding: $0.value, as: UTF8.self) + $0.key }
            #expect(!values.contains { $0.contains(token.text) || $0.contains("correct horse") })

            // A token can be for the project of the user, and for no other one.
            let session = try bench.server().session(token: token.text)
            for project in [ProjectName.name("shop"), .id(session.project)] {
                let other = try accounts.logIn("ann", password: "correct horse", for: project, from: "")
                try accounts.revoke(other.session, by: .server)
            }
            for project in [ProjectName.name("SHOP"), .id("shop"), .name("")] {
                let error = try authError { _ = try accounts.logIn("ann", password: "correct horse", for: project, from: "") }
                #expect(error.code == .denied && error.message.contains("'shop'"))
            }
            #expect(session == token.session)
            #expect(session.name == "ann" && session.role == .operator && session.projectName == "shop" && session.user == user.id)
            #expect(session.expires == session.issued + .seconds(3600))
            #expect(try accounts.sessions() == [session])
            let long = String(repeating: "a", count: 999)
            for wrong in ["", "lbs_", token.text + "a", String(token.text.dropLast()), token.text.lowercased(), long] {
                #expect(try authError { _ = try accounts.session(token: wrong) } == .badToken)
            }
            let actions = try accounts.audit(since: Timestamp(microseconds: 0), most: 100).map(\.action)
            #expect(Set(actions) == ["project.create", "user.create", "token.create", "token.revoke"] && actions.count == 7)

            try accounts.revoke(session, by: bench.admin)
            #expect(try authError { _ = try accounts.session(token: token.text) } == .badToken)
            #expect(try accounts.sessions().isEmpty)
            try accounts.revoke(session, by: bench.admin)
        }
    }

    @Test("A user whose password was hashed with less work than today's takes as long as an unknown one")
    func otherDifficulty() async throws {
        let bench = try AccountsBench()
        try await onThread {
            _ = try bench.server().addUser("ann", password: "correct horse", role: .operator, by: .server)
            var settings = bench.settings
            settings.difficulty = try #require(PasswordDifficulty(operations: 4, memory: 32))
            let accounts = try bench.server(settings: settings)
            var least = [Duration.seconds(3600), .seconds(3600)]
            for round in 0..<4 {
                for (place, name) in ["nobody", "ann"].enumerated() {
                    let time = try ContinuousClock().measure {
                        let error = try authError { _ = try accounts.logIn(name, password: "wrong horse", from: "192.0.2.\(round)") }
                        #expect(error == AuthError.badCredentials)
                    }
                    least[place] = min(least[place], time)
                }
            }
            // Without the work it is a hundredth.
            #expect(least[1] * 10 > least[0], "\(least)")
        }
    }

    @Test("All records that are too old are deleted, however many there are")
    func manyAuditRecords() async throws {
        let bench = try AccountsBench()
        try await onThread {
            let accounts = try bench.server()
            for _ in 0..<11 {
                try accounts.change { (transaction) throws(AuthError) in
                    for number in 0..<95 { accounts.audit(bench.admin, "test", "\(number)", in: &transaction) }
                }
            }
            bench.wall.advance(seconds: Int64(bench.settings.auditRetention) + 1)
            try accounts.audit(bench.admin, "test", "new")
            accounts.pruneAudit()
            #expect(try accounts.audit(since: Timestamp(microseconds: 0), most: 1000).map(\.subject) == ["new"])
        }
    }

    @Test("A wrong password, an unknown name and a disabled user have the same answer, and take the same work")
    func sameAnswer() async throws {
        let bench = try AccountsBench()
        try await onThread {
            // A difficulty whose time can be told from that of the rest.
            var settings = bench.settings
            settings.difficulty = try #require(PasswordDifficulty(operations: 2, memory: 8))
            let accounts = try bench.server(settings: settings)
            _ = try accounts.addUser("ann", password: "correct horse", role: .viewer, by: .server)
            _ = try accounts.addUser("off", password: "correct horse", role: .viewer, by: .server)
            _ = try accounts.changeUser(named: "off", isEnabled: false, by: .server)
            let logins = [("ann", "wrong horse"), ("nobody", "correct horse"), ("off", "correct horse")]
            var least = logins.map { _ in Duration.seconds(3600) }
            // In turn, so that a busy machine slows all of them down. The least of each counts.
            for round in 0..<4 {
                for (place, (name, password)) in logins.enumerated() {
                    let time = try ContinuousClock().measure {
                        let error = try authError { _ = try accounts.logIn(name, password: password, from: "192.0.2.\(round)") }
                        #expect(error == AuthError.badCredentials)
                    }
                    least[place] = min(least[place], time)
                }
            }
            // Without the work it is a thousandth.
            #expect(least.allSatisfy { $0 * 20 > least[0] }, "\(least)")
            for name in ["", "\0", String(repeating: "n", count: 5000), "a/b", "ann "] {
                #expect(try authError { _ = try accounts.logIn(name, password: "x", from: "192.0.2.9") } == .badCredentials)
            }
        }
    }

    @Test("Failures delay a name, are told once, and do not hold up others")
    func delays() async throws {
        let bench = try AccountsBench()
        try await onThread { try Self.delay(bench, try bench.server()) }
    }

    private static func delay(_ bench: AccountsBench, _ accounts: Accounts) throws {
        for name in ["ann", "ben"] { _ = try accounts.addUser(name, password: "correct horse", role: .viewer, by: .server) }
        for number in 0..<5 {
            let error = try authError { _ = try accounts.logIn("ann", password: "wrong", from: "192.0.2.\(number)") }
            #expect(error == .badCredentials)
        }
        let error = try authError { _ = try accounts.logIn("ann", password: "correct horse", from: "192.0.2.9") }
        #expect(error.code == .delayed)
        #expect(error.retryAfter == 1)
        _ = try accounts.logIn("ben", password: "correct horse", from: "192.0.2.1")
        bench.steady.advance(.seconds(1))
        _ = try accounts.logIn("ann", password: "correct horse", from: "192.0.2.9")
        let again = try authError { _ = try accounts.logIn("ann", password: "wrong", from: "192.0.2.9") }
        #expect(again == .badCredentials)
        let records = try accounts.audit(since: Timestamp(microseconds: 0), most: 100).filter { $0.action == "login.delayed" }
        #expect(records.map(\.subject) == ["user ann"])
        #expect(records.map(\.address) == ["192.0.2.4"])
    }

    @Test("What changes a user ends the tokens; the hash of a password is made anew at the next login")
    func changes() async throws {
        let bench = try AccountsBench()
        try await onThread {
            let accounts = try bench.server()
            _ = try accounts.addUser("root", password: "correct horse", role: .admin, by: .server)
            let old = try accounts.addUser("ann", password: "correct horse", role: .operator, by: .server)
            var password = "correct horse"
            let changes: [() throws -> User] = [
                { try accounts.changeUser(named: "ann", role: .viewer, by: bench.admin) },
                { try accounts.changeUser(named: "ann", project: "other", by: bench.admin) },
                {
                    password = "battery staple"
                    return try accounts.changeUser(named: "ann", password: password, by: bench.admin)
                },
            ]
            for change in changes {
                let token = try accounts.logIn("ann", password: password, from: "")
                let user = try change()
                #expect(try authError { _ = try accounts.session(token: token.text) } == .badToken)
                #expect(try accounts.user(old.id) == user && user.id == old.id)
            }
            #expect(try authError { _ = try accounts.logIn("ann", password: "correct horse", from: "") } == .badCredentials)
            #expect(try accounts.projects().map(\.name) == ["default", "other"])

            var settings = bench.settings
            settings.difficulty = try #require(PasswordDifficulty(operations: 2, memory: 1))
            let harder = try bench.server(settings: settings)
            let token = try harder.logIn("ann", password: password, from: "")
            #expect(try harder.user(old.id)?.passwordHash.hasPrefix("$argon2id$v=19$m=1024,t=2,p=1$") == true)
            #expect(try harder.session(token: token.text).name == "ann")
            #expect(try harder.logIn("ann", password: password, from: "").session.name == "ann")

            try accounts.deleteUser(named: "ann", by: bench.admin)
            #expect(try authError { _ = try accounts.session(token: token.text) } == .badToken)
            #expect(try accounts.user(named: "ann") == nil)
            // Another one of the name is another one.
            #expect(try accounts.addUser("ann", password: password, role: .viewer, by: .server).id != old.id)
        }
    }

    @Test("One admin is left, also where two are taken away at the same time")
    func admins() async throws {
        let bench = try AccountsBench()
        try await onThread {
            let accounts = try bench.server()
            for name in ["a", "b"] { _ = try accounts.addUser(name, password: "correct horse", role: .admin, by: .server) }
        }
        let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
            for name in ["a", "b"] {
                let accounts = try bench.server()
                group.addTask { try await onThread { (try? accounts.deleteUser(named: name, by: .server)) != nil } }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 } == 1)
        try await onThread {
            let accounts = try bench.server()
            let name = try #require(try accounts.users().first).name
            let refused: [() throws -> Void] = [
                { try accounts.deleteUser(named: name, by: .server) },
                { _ = try accounts.changeUser(named: name, role: .operator, by: .server) },
                { _ = try accounts.changeUser(named: name, isEnabled: false, by: .server) },
            ]
            for change in refused {
                let error = try authError(change)
                #expect(error.code == .denied && error.message.contains("only admin"))
            }
        }
    }

    @Test("Names and passwords that cannot be taken are refused, and any others are taken as they are")
    func names() async throws {
        let bench = try AccountsBench()
        try await onThread {
            let accounts = try bench.server()
            for name in ["", "a\0b", "a\nb", "\u{7F}", String(repeating: "n", count: 129)] {
                #expect(
                    try authError { _ = try accounts.addUser(name, password: "correct horse", role: .viewer, by: .server) }.code == .invalid
                )
                #expect(
                    try authError { _ = try accounts.addUser("x", password: "correct horse", role: .viewer, project: name, by: .server) }
                        .code
                        == .invalid)
            }
            for password in ["", "short", String(repeating: "p", count: 1025)] {
                #expect(try authError { _ = try accounts.addUser("x", password: password, role: .viewer, by: .server) }.code == .invalid)
            }
            for name in ["a/b", "%2F", "..", "\u{E9}", "\u{202E}", "\"quoted\\", String(repeating: "\u{10FFFF}", count: 32)] {
                let user = try accounts.addUser(name, password: "pass \0 w\u{F6}rd", role: .viewer, by: .server)
                #expect(try accounts.user(named: name) == user)
                #expect(try accounts.logIn(name, password: "pass \0 w\u{F6}rd", from: "").session.name == name)
                let again = try authError { _ = try accounts.addUser(name, password: "correct horse", role: .viewer, by: .server) }
                #expect(again.code == .exists)
            }
            #expect(try authError { try accounts.deleteUser(named: "nobody", by: .server) }.code == .notFound)
            #expect(try authError { _ = try accounts.changeUser(named: "", role: .admin, by: .server) }.code == .notFound)
        }
    }

    @Test("A program logs in by an application credential, with no more rights than it and its user have")
    func credentials() async throws {
        let bench = try AccountsBench()
        try await onThread {
            let accounts = try bench.server()
            _ = try accounts.addUser("ann", password: "correct horse", role: .operator, by: .server)
            _ = try accounts.addUser("ben", password: "correct horse", role: .operator, by: .server)
            let end = bench.wall.now + .seconds(100)
            let (full, fullSecret) = try accounts.addCredential("ci", ofUserNamed: "ann", role: .operator, by: bench.admin)
            let (brief, briefSecret) = try accounts.addCredential(
                "look", ofUserNamed: "ann", role: .viewer, expires: end, by: bench.admin)
            #expect(try accounts.credentials(ofUserNamed: "ann") == [full, brief])
            #expect(try authError { _ = try accounts.addCredential("ci", ofUserNamed: "ann", role: .viewer, by: .server) }.code == .exists)
            #expect(try authError { _ = try accounts.addCredential("x", ofUserNamed: "ann", role: .admin, by: .server) }.code == .denied)

            let token = try accounts.logIn(.id(full.id), secret: fullSecret, from: "")
            #expect(token.session.name == "ann" && token.session.role == .operator)
            let look = try accounts.logIn(.name("look", user: "ann"), secret: briefSecret, from: "")
            #expect(look.session.role == .viewer)
            let wrong: [(CredentialName, String)] = [
                (.id(full.id), briefSecret), (.id("none"), fullSecret), (.id(""), fullSecret), (.name("ci", user: "ben"), fullSecret),
                (.name("none", user: "ann"), fullSecret), (.id(full.id), ""), (.id(String(repeating: "i", count: 999)), fullSecret),
            ]
            for (name, secret) in wrong {
                #expect(try authError { _ = try accounts.logIn(name, secret: secret, from: "") } == .badCredentials)
            }
            bench.wall.advance(seconds: 100)
            #expect(try authError { _ = try accounts.logIn(.id(brief.id), secret: briefSecret, from: "") } == .badCredentials)

            try accounts.deleteCredential("ci", ofUserNamed: "ann", by: bench.admin)
            #expect(try authError { _ = try accounts.session(token: token.text) } == .badToken)
            #expect(try authError { try accounts.deleteCredential("ci", ofUserNamed: "ann", by: .server) }.code == .notFound)
            try accounts.deleteUser(named: "ann", by: .server)
            #expect(try bench.store.list("auth/credential/").entries.isEmpty && bench.store.list("auth/user-credential/").entries.isEmpty)

            for number in 0..<Accounts.mostCredentials {
                _ = try accounts.addCredential("\(number)", ofUserNamed: "ben", role: .viewer, by: .server)
            }
            #expect(
                try authError { _ = try accounts.addCredential("more", ofUserNamed: "ben", role: .viewer, by: .server) }.code == .denied)
            try accounts.deleteUser(named: "ben", by: .server)
        }
    }

    @Test("A token is valid for its time with servers whose clocks are a minute apart, and ends where the store counted it longer")
    func clocks() async throws {
        let bench = try AccountsBench()
        try await onThread {
            let (behind, ahead) = (try bench.server(clockAhead: -30), try bench.server(clockAhead: 30))
            _ = try behind.addUser("ann", password: "correct horse", role: .viewer, by: .server)
            let token = try behind.logIn("ann", password: "correct horse", from: "")
            // The store counts by a clock of its own, which stands here, as behind a new leader of etcd.
            bench.wall.advance(seconds: 3599)
            #expect(try ahead.session(token: token.text).name == "ann")
            bench.wall.advance(seconds: 60)
            #expect(try ahead.session(token: token.text).name == "ann")
            bench.wall.advance(seconds: 60)
            #expect(try authError { _ = try ahead.session(token: token.text) } == .badToken)
        }
    }

    @Test("A store that does not serve is told as such, and does not count as a failure of the user")
    func outage() async throws {
        let store = SwitchedStore()
        let bench = try AccountsBench(store)
        try await onThread {
            let accounts = try bench.server()
            _ = try accounts.addUser("ann", password: "correct horse", role: .viewer, by: .server)
            let token = try accounts.logIn("ann", password: "correct horse", from: "")
            store.turn(off: true)
            for _ in 0..<30 {
                let error = try authError { _ = try accounts.logIn("ann", password: "correct horse", from: "") }
                #expect(error.code == .unavailable && error.message.contains("quorum"))
            }
            #expect(try authError { _ = try accounts.session(token: token.text) }.code == .unavailable)
            store.turn(off: false)
            #expect(try accounts.session(token: token.text).name == "ann")
            _ = try accounts.logIn("ann", password: "correct horse", from: "")
        }
    }

    @Test("The audit tells who did what, in order, and forgets what is too old")
    func audit() async throws {
        let bench = try AccountsBench()
        try await onThread {
            let accounts = try bench.server()
            for name in ["one", "two"] {
                try accounts.audit(bench.admin, "load_balancer.create", name)
                bench.wall.advance(seconds: 10)
            }
            let records = try accounts.audit(since: Timestamp(microseconds: 0), most: 10)
            #expect(records.map(\.subject) == ["one", "two"])
            #expect(records[0].actor == "root" && records[0].address == "192.0.2.1" && records[0].action == "load_balancer.create")
            #expect(try accounts.audit(since: records[1].time, most: 10) == [records[1]])
            #expect(try accounts.audit(since: Timestamp(microseconds: 0), most: 1) == [records[0]])
            // The first is older than is kept now, and the second is not.
            bench.wall.advance(seconds: Int64(accounts.settings.auditRetention) - 15)
            accounts.pruneAudit()
            #expect(try accounts.audit(since: Timestamp(microseconds: 0), most: 10) == [records[1]])
        }
    }

    @Test("Users, tokens and application credentials are the same for all servers of an etcd cluster")
    func etcd() async throws {
        try await EtcdCluster.run { cluster in
            func store() throws -> EtcdStore { try EtcdStore(.init(etcd: cluster.configuration, prefix: "/lbaas/default/fleet/")) }
            let (one, two) = (try AccountsBench(store()).server(), try AccountsBench(store()).server())
            try await onThread {
                _ = try one.addUser("ann", password: "correct horse", role: .admin, by: .server)
                let token = try two.logIn("ann", password: "correct horse", from: "192.0.2.1")
                #expect(try one.session(token: token.text) == token.session)
                let (credential, secret) = try one.addCredential("ci", ofUserNamed: "ann", role: .viewer, by: .server)
                let second = try two.logIn(.id(credential.id), secret: secret, from: "")
                try two.revoke(token.session, by: .server)
                #expect(try authError { _ = try one.session(token: token.text) } == .badToken)
                #expect(try one.session(token: second.text).role == .viewer)
                #expect(try one.audit(since: Timestamp(microseconds: 0), most: 100).count == 6)
            }
        }
    }
}
