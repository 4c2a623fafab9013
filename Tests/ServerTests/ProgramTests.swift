import Foundation
import Glibc
import TestSupport
import Testing
import WorkerHarness

/// The real program: how it starts, refuses to, and ends.
@Suite struct ProgramTests {
    @Test("The program tells about itself")
    func help() async throws {
        try await withRig { rig in
            let version = try await rig.runServer(["--version"])
            #expect(version.end == .exit(0) && version.output.hasPrefix("lbaas-server ") && version.errors.isEmpty)
            let help = try await rig.runServer(["--help"])
            #expect(help.end == .exit(0) && help.errors.isEmpty)
            for word in [
                "--config-file", "--check-config", "--listen", "--store", "--log-level", "--log-format", "user add NAME --role ROLE",
            ] {
                #expect(help.output.contains(word), "\(word)")
            }
        }
    }

    @Test("The first user is made at the command line, and logs in")
    func firstUser() async throws {
        try await withRig { rig in
            try await rig.addUser("ann", role: "admin")
            let server = try await rig.startServer()
            let answer = try await server.post("/v3/auth/tokens", loginBody("ann"))
            #expect(answer.status == 201)
            let token = try #require(answer.headers["x-subject-token"])
            let fields = "X-Auth-Token: \(token)\r\nX-Subject-Token: \(token)\r\n"
            let session = try await server.get("/v3/auth/tokens", fields)
            #expect(session.status == 200 && session.body.contains("\"load-balancer\"") && session.body.contains("\"network\""))
            #expect(try await server.post("/v3/auth/tokens", loginBody("ann", "wrong horse")).status == 401)
            #expect(try await server.end() == .exit(0))
            // What it kept is there again for the next one.
            let next = try await rig.startServer(name: "next")
            #expect(try await next.get("/v3/auth/tokens", fields).status == 200)
            #expect(try await next.end() == .exit(0))
        }
    }

    @Test("A user without a role, with a bad one, twice, or with a bad password is refused with a sentence")
    func badUsers() async throws {
        try await withRig { rig in
            try await rig.addUser("ann", role: "admin")
            let file = try rig.write("short\n", to: "short")
            let empty = try rig.write("\n", to: "empty")
            let cases: [(words: [String], code: Int32, sentence: String)] = [
                (["user", "add", "bob"], 64, "user add: --role ROLE is missing"),
                (["user", "add"], 64, "user add: NAME is missing"),
                (["user", "add", "bob", "max", "--role", "admin"], 64, "user add: 'max' is too much"),
                (["user", "drop", "bob"], 64, "'user drop bob' is no command; the commands are 'user add', 'fleet renew'"),
                (["--role", "admin"], 64, "--role: is an option of a command"),
                (["user", "add", "bob", "--role", "root"], 64, "--role: 'root' is not one of viewer, operator, admin"),
                (["user", "add", "bob", "--role", "admin", "--password-file", file], 64, "a password has 8 to 1024 bytes"),
                (["user", "add", "bob", "--role", "admin", "--password-file", empty], 78, "is no password"),
                (["user", "add", "bob", "--role", "admin", "--password-file", "/nowhere"], 78, "No such file or directory"),
                (["user", "add", "bob", "--role", "admin"], 64, "Password of bob: is empty; nothing was done"),
                (["--store", "memory", "user", "add", "bob", "--role", "admin"], 64, "the store is memory"),
                (["--store", "sqlite:/nowhere", "fleet", "renew"], 64, "fleet renew: there is no store in /nowhere"),
                (["fleet", "renew"], 78, "fleet renew: the store has no id yet"),
            ]
            for (words, code, sentence) in cases {
                let (end, output, errors) = try await rig.runServer(try rig.serverArguments() + words)
                #expect(end == .exit(code) && output.isEmpty && errors.contains(sentence), "\(words): \(end) \(errors)")
            }
            let password = try rig.write("correct horse", to: "right")
            let words = ["user", "add", "ann", "--role", "admin", "--password-file", password]
            let (end, _, errors) = try await rig.runServer(try rig.serverArguments() + words)
            #expect(end == .exit(64) && errors.contains("there is a user of the name 'ann' already"))
        }
    }

    @Test("What serves no user, and what measures, needs no token")
    func operations() async throws {
        try await withRig { rig in
            let server = try await rig.startServer("[group:blue]\nworkers = lb1, lb2\naddresses = 10.20.0.0/24\n")
            #expect(try await server.get("/healthz").status == 200)
            let ready = try await server.get("/readyz")
            #expect(ready.status == 200 && ready.body == "{\"ready\": true, \"reasons\": []}\n")
            _ = try await server.get("/nowhere")
            let metrics = try await server.get("/metrics")
            #expect(metrics.status == 200 && metrics.headers["content-type"]?.hasPrefix("text/plain") == true)
            for sample in [
                "lbaas_api_requests_total{route=\"/readyz\",method=\"GET\",code=\"200\"} 1",
                "lbaas_api_requests_total{route=\"-\",method=\"-\",code=\"404\"} 1", "process_open_fds ", "lbaas_api_connections ",
            ] {
                #expect(metrics.body.contains(sample), "\(sample)")
            }
            // Every family is explained, by the page of a fleet or by that of the worker, which has those that both have.
            let pages = try RepositoryFile("docs/fleet.md").text + RepositoryFile("docs/metrics.md").text
            let families = metrics.body.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ") }
            #expect(families.count > 8)
            for words in families { #expect(pages.contains("| `\(words[2])` | \(words[3]) |"), "\(words[2])") }
            #expect(server.log.text.contains("there is no user, so nobody can log in"))
            #expect(try await server.end() == .exit(0))
        }
    }

    @Test(
        "A wrong configuration is told with file and line",
        arguments: [
            ("[server]\nlisten = lb.example:80\n", 2, "listen: 'lb.example' is not an IPv4 or IPv6 address"),
            ("[server]\nlisten = 10.0.0.1:80\n", 2, "listen: 10.0.0.1 is not a loopback address, so tls_cert and tls_key are needed"),
            ("[server]\ntls_cert = /nowhere\n", 2, "tls_cert: /nowhere cannot be read"),
            ("[server]\npublic_url = lb.example\n", 2, "public_url: 'lb.example' is not the URL of a server"),
            ("[server]\ntrusted_proxies = 10.0.0.1, proxy\n", 2, "trusted_proxies: 'proxy' is not ADDRESS or ADDRESS/LENGTH"),
            ("[server]\nstore = mysql\n", 2, "store: 'mysql' is not memory, sqlite:FOLDER with the whole path of a folder, or etcd"),
            ("[auth]\nhash_memory = 0\n", 2, "hash_memory: '0' is not a whole number from 1 to 1024"),
            ("[cluster]\netcd_cert = /c\n", 2, "etcd_cert: it needs etcd_key too"),
            ("[group:blue]\nworkers = lb1, lb1\n", 2, "[group:blue] workers: 'lb1' is given twice"),
            ("[group:blue]\naddresses = 10.0.0.0/24\n", 1, "[group:blue] workers: a group has one worker at least"),
            ("[group:blue]\nworkers = lb1\naddresses = 10.0.0.0/33\n", 3, "[group:blue] addresses: '10.0.0.0/33' is not a range"),
            ("[group:a]\nworkers = lb1\n[group:b]\nworkers = lb1\n", 4, "workers: 'lb1' is in the group 'a' already; a worker is in one"),
            ("[group:a]\nworkers = lb1\ninterface = eth 0\n", 3, "[group:a] interface: 'eth 0' is not the name of an interface"),
            ("[nowhere]\n", 1, "[nowhere] is not a section"),
        ])
    func wrong(text: String, line: Int, sentence: String) async throws {
        try await withRig { rig in
            let file = try rig.write(text, to: "wrong.conf")
            let (end, output, errors) = try await rig.runServer(["--config-file", file, "--check-config"])
            #expect(end == .exit(78) && output.isEmpty)
            #expect(errors.contains("\(file):\(line): ") && errors.contains(sentence), "\(errors)")
        }
    }

    @Test("A store in etcd needs the section [cluster]")
    func etcd() async throws {
        try await withRig { rig in
            let file = try rig.write("[server]\nstore = etcd\n", to: "wrong.conf")
            let (end, _, errors) = try await rig.runServer(["--config-file", file])
            #expect(end == .exit(78) && errors.contains("store: etcd: the section [cluster] has no etcd"), "\(errors)")
        }
    }

    @Test("A right configuration is said to be right, and nothing is made")
    func right() async throws {
        try await withRig { rig in
            let file = try rig.write("[group:blue]\nworkers = lb1\naddresses = 10.0.0.0/24, 2001:db8::/64\n", to: "right.conf")
            let (end, output, errors) = try await rig.runServer(
                ["--config-file", file, "--check-config", "--store", "sqlite:\(rig.path("store"))"])
            #expect(end == .exit(0) && output.contains("is right") && errors.isEmpty, "\(errors)")
            #expect(!FileManager.default.fileExists(atPath: rig.path("store")))
        }
    }

    @Test("Behind a trusted proxy failed logins delay the client that fails, and no other one")
    func trustedProxies() async throws {
        try await withRig { rig in
            try await rig.addUser("ann", role: "admin")
            let server = try await rig.startServer("[server]\ntrusted_proxies = 192.0.2.0/24, 127.0.0.1\n")
            func logIn(_ user: String, from client: String) async throws -> Int {
                try await server.post("/v3/auth/tokens", loginBody(user), "X-Forwarded-For: \(client)\r\n").status
            }
            for number in 1...20 { #expect(try await logIn("nobody\(number)", from: "203.0.113.5") == 401) }
            #expect(try await logIn("ann", from: "203.0.113.5") == 429)
            #expect(try await logIn("ann", from: "203.0.113.6") == 201)
            // Another proxy before that one.
            #expect(try await logIn("ann", from: "203.0.113.6, 192.0.2.7") == 201)
            #expect(try await server.end() == .exit(0))
        }
    }

    @Test("A port that is taken ends the start with a sentence")
    func taken() async throws {
        try await withRig { rig in
            let first = try await rig.startServer()
            let second = try rig.spawnServer("", ["--listen", "127.0.0.1:\(first.port)"], name: "second")
            #expect(try await second.process.end() == .exit(71))
            #expect(second.log.text.contains("the server cannot listen: 127.0.0.1 port \(first.port)"))
            #expect(try await first.end() == .exit(0))
        }
    }
}
