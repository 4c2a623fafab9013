import Foundation
import TestSupport
import Testing
import WorkerHarness

extension Control {
    /// Over TCP, with what a worker wants of that.
    fileprivate static func remote(_ rig: Rig, _ api: APIClient, scheme: String = "https", token: String? = nil, _ options: String...)
        throws -> Control
    {
        var control = Control(rig, api)
        control.options = ["--server", "\(scheme)://127.0.0.1:\(api.port)"] + options
        guard let token else { return control }
        let folder = "config-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: rig.path("\(folder)/lbaas"), withIntermediateDirectories: true)
        #expect(chmod(try rig.write(token + "\n", to: "\(folder)/lbaas/token"), 0o600) == 0)
        control.environment["XDG_CONFIG_HOME"] = rig.path(folder)
        return control
    }
}

extension RealServers {
    /// `lbaasctl --server` with a running worker.
    @Suite struct ControlOverTCP {
        private let certificates: CertificateFolder

        init() throws {
            certificates = try CertificateFolder()
            for authority in ["authority", "other"] { try certificates.makeAuthority(authority) }
            let server = "subjectAltName=IP:127.0.0.1"
            try certificates.make("server", "/CN=lb1", signedBy: "authority", extensions: server, "extendedKeyUsage=serverAuth")
            try certificates.make("expired", "/CN=lb1", signedBy: "authority", days: -1, extensions: server)
            try certificates.make("bob", "/CN=bob", signedBy: "authority", extensions: "extendedKeyUsage=clientAuth")
            try certificates.make("eve", "/CN=eve", signedBy: "authority", extensions: "extendedKeyUsage=clientAuth")
            try certificates.make("late", "/CN=bob", signedBy: "authority", days: -1, extensions: "extendedKeyUsage=clientAuth")
            try certificates.make("foreign", "/CN=bob", signedBy: "other", extensions: "extendedKeyUsage=clientAuth")
        }

        private func keys(_ name: String) -> String {
            "tls_cert = \(certificates.file(name))\ntls_key = \(certificates.key(name))\n"
        }

        /// Expects that a command fails with a status and some words.
        private func expect(
            _ control: Control, fails status: Int32, _ words: String, location: SourceLocation = #_sourceLocation
        ) async throws {
            let run = try await control.run("list")
            #expect(run.status == status && run.output.isEmpty && run.errors.contains(words), "\(run)", sourceLocation: location)
        }

        /// Changes a node until somebody who follows the events is told.
        private func expectEvents(_ control: Control, of node: String) async throws {
            let (events, name) = try control.start("events", "-o", "jsonl")
            var weight = 2
            try await eventually("an event") {
                weight = 5 - weight
                let run = try await control.run("weight", node, "\(weight)", "--wait")
                #expect(run.status == 0, "\(run)")
                return control.text(name).contains("\"outcome\"")
            }
            events.send(SIGTERM)
            _ = try await events.end()
        }

        @Test func aTokenGoesOverTLSToTheServerThatTheAuthoritiesSign() async throws {
            let (right, other) = (certificates.file("authority"), certificates.file("other"))
            try await withAPI(keys("server")) { rig, _, api, worker in
                let control = try Control.remote(rig, api, token: "work", "--ca", right)
                #expect(try await control.run("list").status == 0)
                let job = try rig.write(String(decoding: try job("CREATE", loadBalancer("shop")).bytes, as: UTF8.self), to: "job")
                let applied = try await control.run("apply", job, "--wait")
                #expect(applied.status == 0 && applied.output == "done: shop\n", "\(applied)")
                try await expectEvents(control, of: "shop/shop-0")

                let viewer = try await Control.remote(rig, api, token: "look", "--ca", right).run("drain", "shop/shop-0")
                #expect(viewer.status == 77 && viewer.errors.contains("this request needs operator"), "\(viewer)")
                try await expect(try .remote(rig, api, token: "guess", "--ca", right), fails: 77, "is not one of the worker's")
                try await expect(try .remote(rig, api, "--ca", right), fails: 77, "put a token into")
                let unknown = "its certificate is not accepted"
                try await expect(try .remote(rig, api, token: "work"), fails: 69, unknown)
                try await expect(try .remote(rig, api, token: "work", "--ca", other), fails: 69, unknown)
                try await expect(try .remote(rig, api, token: "work", "--ca", rig.path("missing")), fails: 64, "--ca: ")
                try await expect(try .remote(rig, api, token: "work", "--ca", job), fails: 64, "--ca: ")
                var elsewhere = control
                elsewhere.options = ["--server", "https://localhost:\(api.port)", "--ca", right]
                try await expect(elsewhere, fails: 69, unknown)
                try await expect(try .remote(rig, api, scheme: "http", token: "work"), fails: 69, "begins with https://")
                #expect(!worker.log.text.contains("guess") && !worker.log.text.contains("Bearer"))
            }
        }

        @Test func aServerWhoseCertificateHasExpiredIsNotAsked() async throws {
            try await withAPI(keys("expired")) { rig, _, api, _ in
                let control = try Control.remote(rig, api, token: "work", "--ca", certificates.file("authority"))
                try await expect(control, fails: 69, "certificate has expired")
            }
        }

        @Test func aServerWithoutTLSIsSaidToHaveNone() async throws {
            try await withAPI { rig, _, api, _ in
                #expect(try await Control.remote(rig, api, scheme: "http", token: "work").run("list").status == 0)
                try await expect(try .remote(rig, api, token: "work"), fails: 69, "an address without TLS begins with http://")
            }
        }

        @Test("A server that closes the connection before TLS begins may have none", arguments: [true, false])
        func aServerThatClosesAtOnce(_ reads: Bool) async throws {
            try await withAPI { rig, _, api, _ in
                let server = try LoopbackSocket.bound(listens: true, seconds: 60)
                defer { server.shut() }
                Thread.detachNewThread {
                    while let client = server.accepted(seconds: 60) {
                        // What was not read makes the connection end by a reset.
                        if reads { _ = try? client.receive(4096) }
                    }
                }
                var control = try Control.remote(rig, api, token: "work")
                control.options = ["--server", "https://127.0.0.1:\(server.port)"]
                try await expect(control, fails: 69, "an address without TLS begins with http://")
            }
        }

        @Test func aClientIsKnownByItsCertificate() async throws {
            try await withAPI(keys("server") + "tls_client_ca = \(certificates.file("authority"))\n") { rig, _, api, _ in
                let authority = certificates.file("authority")
                func shown(_ name: String, key: String? = nil, token: String? = nil) throws -> Control {
                    let key = certificates.key(key ?? name)
                    return try .remote(rig, api, token: token, "--ca", authority, "--cert", certificates.file(name), "--key", key)
                }
                let job = try rig.write(String(decoding: try job("CREATE", loadBalancer("shop")).bytes, as: UTF8.self), to: "job")
                #expect(try await shown("bob").run("apply", job).status == 0)
                #expect(try await api.get("/v1/journal")["journal"].elements.map { $0["origin"] } == ["api:bob"])
                // The key may be in the file of the certificate.
                let both = try rig.write(
                    try [certificates.file("bob"), certificates.key("bob")].map { try String(contentsOfFile: $0, encoding: .utf8) }
                        .joined(),
                    to: "both.pem")
                #expect(try await Control.remote(rig, api, "--ca", authority, "--cert", both).run("list").status == 0)
                try await expect(try shown("eve"), fails: 77, "this request needs a token")
                #expect(try await shown("eve", token: "look").run("list").status == 0)
                // Nobody is let in by a token alone, nor by a certificate that is not good.
                let wanted = "wants a certificate of one of its authorities"
                try await expect(try .remote(rig, api, token: "work", "--ca", authority), fails: 77, wanted)
                try await expect(try shown("late", token: "work"), fails: 77, wanted)
                try await expect(try shown("foreign", token: "work"), fails: 77, wanted)
                try await expect(try shown("bob", key: "eve"), fails: 64, "--cert, --key: ")
                try await expect(try shown("missing"), fails: 64, "--cert, --key: ")
            }
        }

        @Test func signedRequestsNeedNothingSecretInThem() async throws {
            let folder = try TemporaryFolder()
            let words = try runProgram(try builtProgram("lbaasctl"), ["key", "new", "--name", "carl", "--role", "operator"])
                .split(separator: "\n")[0].split(separator: " ").map(String.init)
            #expect(words.count == 2 && words[0] == "carl" && words[1].hasPrefix("lbk_"))
            let table = try folder.write("carl operator \(words[1])\n", to: "keys")
            let (key, wrong) = (try folder.write("carl \(words[1])", to: "key"), try folder.write("carl \(words[1])x", to: "wrong"))
            let nobody = try folder.write("nobody \(words[1])", to: "nobody")
            for file in [table, key, wrong, nobody] { #expect(chmod(file, 0o600) == 0) }
            try await withAPI("keys = \(table)\n") { rig, _, api, worker in
                func signing(_ file: String) throws -> Control { try .remote(rig, api, scheme: "http", "--signing-key", file) }
                let control = try signing(key)
                let job = try rig.write(String(decoding: try job("CREATE", loadBalancer("a b")).bytes, as: UTF8.self), to: "job")
                #expect(try await control.run("apply", job, "--wait").status == 0)
                #expect(try await control.run("weight", "a%20b/a%20b-0", "3", "--wait", "--dry-run").status == 0)
                #expect(try await control.run("why", "a b").status == 0)
                try await expectEvents(control, of: "a%20b/a%20b-0")
                #expect(try await control.run("delete", "a b", "--force").status == 0)
                let origins = try await api.get("/v1/journal")["journal"].elements.map { $0["origin"] }
                #expect(origins.count >= 3 && origins.allSatisfy { $0 == "api:carl" })
                try await expect(try signing(wrong), fails: 77, "the signature does not match")
                try await expect(try signing(nobody), fails: 77, "there is no key of the name \"nobody\"")
                try await expect(try signing(rig.path("missing")), fails: 74, "lbaasctl key new")
                #expect(!worker.log.text.contains(words[1]))
            }
        }
    }
}
