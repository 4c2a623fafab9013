import Authorization
import FleetStore
import LBaaS
import TestSupport
import Testing

@testable import FleetAuth

/// How long tokens are valid that are used.
@Suite struct SessionTests {
    @Test("The token of a session is valid for longer with each use, up to a limit; that of a program is not")
    func use() async throws {
        let bench = try AccountsBench()
        try await onThread {
            var settings = bench.settings
            settings.sessionLimit = 3 * 3600
            let accounts = try bench.server(settings: settings)
            _ = try accounts.addUser("ann", password: "correct horse", role: .operator, by: .server)
            let start = bench.wall.now
            func end(_ token: IssuedToken, isUse: Bool = true) throws -> Int64 {
                let expires = try accounts.session(token: token.text, isUse: isUse).expires
                return (expires - start).components.seconds
            }
            let browser = try accounts.logIn("ann", password: "correct horse", from: "", isSession: true)
            let program = try accounts.logIn("ann", password: "correct horse", from: "")
            #expect(browser.session.limit == start + .seconds(3 * 3600) && program.session.limit == nil)
            // Not for each request: half of its time has to be over.
            bench.wall.advance(seconds: 1700)
            #expect(try end(browser) == 3600)
            bench.wall.advance(seconds: 300)
            #expect(try end(browser, isUse: false) == 3600 && end(browser) == 5600 && end(program) == 3600)
            // Another server knows of it.
            #expect(try bench.server().session(token: browser.text).expires == start + .seconds(5600))
            bench.wall.advance(seconds: 3500)
            #expect(try end(browser) == 9100)
            #expect(try authError { _ = try accounts.session(token: program.text) } == .badToken)
            bench.wall.advance(seconds: 3500)
            #expect(try end(browser) == 10_800)
            bench.wall.advance(seconds: 1790)
            #expect(try end(browser) == 10_800)
            bench.wall.advance(seconds: Int64(10 + Accounts.clockDifference))
            #expect(try authError { _ = try accounts.session(token: browser.text, isUse: true) } == .badToken)
        }
    }

    @Test("No token is valid longer than the application credential that it was made for, also one that is used")
    func credentialEnd() async throws {
        let bench = try AccountsBench()
        try await onThread {
            let accounts = try bench.server()
            _ = try accounts.addUser("ann", password: "correct horse", role: .operator, by: .server)
            let end = bench.wall.now + .seconds(5000)
            let (credential, secret) = try accounts.addCredential("ci", ofUserNamed: "ann", role: .operator, expires: end, by: .server)
            func logIn(isSession: Bool) throws -> IssuedToken {
                try accounts.logIn(.id(credential.id), secret: secret, from: "", isSession: isSession)
            }
            let browser = try logIn(isSession: true)
            #expect(browser.session.expires == bench.wall.now + .seconds(3600) && browser.session.limit == end)
            bench.wall.advance(seconds: 3000)
            let program = try logIn(isSession: false)
            #expect(program.session.expires == end && program.session.limit == nil)
            #expect(try accounts.session(token: browser.text, isUse: true).expires == end)
            #expect(try accounts.sessions().count == 2)
            bench.wall.advance(seconds: 2000)
            for token in [browser, program] {
                #expect(try authError { _ = try accounts.session(token: token.text, isUse: true) } == .badToken)
            }
            #expect(try accounts.sessions().isEmpty)
            #expect(try authError { _ = try logIn(isSession: false) } == .badCredentials)
        }
    }

    @Test("A session that is not used ends, one that was revoked stays so, and the limit holds for a validity that is longer")
    func unused() async throws {
        let bench = try AccountsBench()
        try await onThread {
            let accounts = try bench.server()
            let user = try accounts.addUser("ann", password: "correct horse", role: .operator, by: .server)
            let first = try accounts.logIn("ann", password: "correct horse", from: "", isSession: true)
            bench.wall.advance(seconds: Int64(3600 + Accounts.clockDifference))
            #expect(try authError { _ = try accounts.session(token: first.text, isUse: true) } == .badToken)
            let second = try accounts.logIn("ann", password: "correct horse", from: "", isSession: true)
            bench.wall.advance(seconds: 3000)
            try accounts.revoke(second.session, by: bench.admin)
            #expect(try authError { _ = try accounts.session(token: second.text, isUse: true) } == .badToken)
            #expect(try bench.store.list("auth/token/").entries.count == 1)
            var settings = bench.settings
            settings.sessionLimit = 100
            let brief = try bench.server(settings: settings).logIn("ann", password: "correct horse", from: "", isSession: true).session
            #expect(brief.expires == bench.wall.now + .seconds(100) && brief.limit == brief.expires)
            // What can end it.
            let keys = ["auth/token/\(brief.tokenHash)", "auth/user/\(user.id)", "auth/token/other", "auth/user/other"]
            #expect(keys.map(brief.depends) == [true, true, false, false])
        }
    }
}
