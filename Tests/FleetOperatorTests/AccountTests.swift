import FleetAuth
import FleetTestSupport
import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct AccountTests {
    @Test("login keeps a token that its owner alone can read, and logout ends and forgets it")
    func login() async throws {
        try await Operator.run { fleet in
            let first = try fleet.run("user", "list")
            #expect(first.status == 77 && first.errors.contains("lbaasctl login"), "\(first.errors)")
            let login = try fleet.run("login", "root", input: "\(Operator.password)\nmore\n")
            #expect(
                login.status == 0 && login.output.isEmpty && login.errors.contains("logged in as root (admin) until"), "\(login.errors)")
            var status = stat()
            #expect(stat(fleet.tokenPath, &status) == 0 && status.st_mode & 0o777 == 0o600)
            #expect(stat(fleet.folder.file("lbaas"), &status) == 0 && status.st_mode & 0o777 == 0o700)
            let token = try String(contentsOfFile: fleet.tokenPath, encoding: .utf8).dropLast()
            #expect(try fleet.accounts.session(token: token).name == "root")
            #expect(try FileManager.default.contentsOfDirectory(atPath: fleet.folder.file("lbaas")) == ["token"])
            #expect(try fleet.run("user", "list").status == 0)

            #expect(try fleet.run("logout").status == 0)
            #expect(throws: AuthError.self) { try fleet.accounts.session(token: token) }
            #expect(access(fleet.tokenPath, F_OK) != 0)
        }
    }

    @Test("A login that fails says one sentence, and keeps the token that is there")
    func failedLogin() async throws {
        try await Operator.run { fleet in
            try fleet.logIn()
            let before = try String(contentsOfFile: fleet.tokenPath, encoding: .utf8)
            for name in ["root", "nobody"] {
                let run = try fleet.run("login", name, input: "wrong\n")
                #expect(run.status == 77 && run.errors == "lbaasctl: the name, the password or the secret is wrong\n")
            }
            #expect(try fleet.run("login", input: "").status == 1)
            #expect(try String(contentsOfFile: fleet.tokenPath, encoding: .utf8) == before)
            // A password goes nowhere without TLS but to this host.
            let remote = try fleet.run("login", input: "secret\n", server: "http://fleet.example")
            #expect(remote.status == 64 && remote.errors.contains("the password is not sent to fleet.example without TLS"))
        }
    }

    @Test("A token that has ended is forgotten by logout, and replaced by login")
    func endedToken() async throws {
        try await Operator.run { fleet in
            try fleet.logIn()
            for session in try fleet.accounts.sessions() { try fleet.accounts.revoke(session, by: .server) }
            let refused = try fleet.run("user", "list")
            #expect(refused.status == 77 && refused.errors.contains("log in"))
            try fleet.logIn()
            #expect(try fleet.run("user", "list").status == 0)
            for session in try fleet.accounts.sessions() { try fleet.accounts.revoke(session, by: .server) }
            #expect(try fleet.run("logout").status == 0)
            #expect(access(fleet.tokenPath, F_OK) != 0)
        }
    }

    @Test("Users are made, listed, given passwords and deleted")
    func users() async throws {
        try await Operator.run { fleet in
            try fleet.logIn()
            let name = "Zoë <b>/%"
            let added = try fleet.run("user", "add", name, "--role", "operator", "--project", "web", input: "long enough\n")
            #expect(added.status == 0 && added.output.isEmpty, "\(added.errors)")
            let list = try fleet.run("user", "list", "--no-headers")
            #expect(list.output == "Zoë%20<b>%2F%25  operator  web      yes\nroot             admin     default  yes\n")
            #expect(try fleet.run("-o", "name", "user", "list").output == "Zoë%20<b>%2F%25\nroot\n")
            let json = try fleet.run("-o", "json", "user", "list").output
            #expect(try column(json, "users", "name") == [name, "root"])

            #expect(try fleet.run("user", "passwd", "Zoë%20<b>%2F%25", input: "another one\n").status == 0)
            _ = try fleet.accounts.logIn(name, password: "another one", from: "")
            let short = try fleet.run("user", "add", "eve", input: "short\n")
            #expect(short.status == 1 && short.errors == "lbaasctl: a password has 8 to 1024 bytes\n")
            #expect(try fleet.run("user", "delete", "Zoë%20<b>%2F%25").status == 0)
            #expect(try fleet.accounts.users().map(\.name) == ["root"])
            #expect(try fleet.run("user", "delete", "nobody").status == 1)

            // The own password needs the present one.
            #expect(try fleet.run("user", "passwd", input: "wrong\nanother one\n").status == 1)
            let own = try fleet.run("user", "passwd", input: "\(Operator.password)\nanother one\n")
            #expect(own.status == 0 && own.errors.contains("log in again"), "\(own.errors)")
            #expect(try fleet.run("user", "list").status == 77)
        }
    }

    @Test("An application credential is made, used for a login, listed and revoked")
    func tokens() async throws {
        try await Operator.run { fleet in
            try fleet.logIn()
            let made = try fleet.run("token", "create", "ci", "--role", "viewer", "--expires", "7")
            let words = made.output.split(separator: "\n")[0].split(separator: " ").map(String.init)
            #expect(made.status == 0 && words.count == 2 && words[1].hasPrefix("lba_"))
            let list = try fleet.run("-o", "jsonl", "token", "list").output.split(separator: "\n")
            #expect(list.count == 2 && !list.joined().contains(words[1]))
            #expect(try fleet.run("token", "create", "more", "--expires", "0").status == 64)

            #expect(try fleet.run("login", words[0], "--credential", input: words[1] + "\n").status == 0)
            #expect(try fleet.run("user", "list").status == 77)
            try fleet.logIn()
            #expect(try fleet.run("token", "revoke", words[0]).status == 0)
            #expect(try fleet.run("token", "revoke", words[0]).status == 1)
            #expect(try fleet.run("login", words[0], "--credential", input: words[1] + "\n").status == 77)
            #expect(try fleet.run("-o", "name", "token", "list", "--all").output.split(separator: "\n").count == 2)
        }
    }

    @Test("On a terminal a password is asked for without being shown, and Control-C ends the question")
    func terminal() async throws {
        try await Operator.run { fleet in
            for (typed, end) in [("\(Operator.password)\n", 0), ("\u{3}", 1)] as [(String, Int32)] {
                let terminal = try PseudoTerminal(columns: 80)
                let words = ["--ctty", "--wait", "/usr/bin/env"] + (try fleet.words(["login", "root"]))
                let process = try ChildProcess(
                    "/usr/bin/setsid", words, folder: fleet.folder.path, input: terminal.path, output: terminal.path, errors: terminal.path)
                try terminal.wait("the question") { $0.contains("Password of root: ") }
                try terminal.type(typed)
                try waitUntil("the end") {
                    try terminal.wait("anything") { _ in true }
                    return process.ended != nil
                }
                #expect(process.ended == .exit(end))
                #expect(!terminal.text.contains(Operator.password))
            }
        }
    }

    @Test("What asks a worker alone is refused by the server of a fleet, and the other way round")
    func otherServer() async throws {
        try await Operator.run { fleet in
            try fleet.logIn()
            for command in [["why", "shop"], ["diff"], ["ips", "list"], ["plan", "/dev/null"]] {
                let words = ["/usr/bin/env"] + (try fleet.words(command))
                let error = #expect(throws: Failure.self) { try runProgram(words[0], Array(words.dropFirst())) }
                #expect("\(error.map { "\($0)" } ?? "")".contains("is the server of a fleet: give --socket"))
            }
            let local = try fleet.run("--socket", "/nonexistent", "hosts")
            #expect(local.status == 64 && local.errors.contains("LBAAS_SERVER"))
        }
    }
}
