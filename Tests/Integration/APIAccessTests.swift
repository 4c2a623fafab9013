import EtcdTestSupport
import Foundation
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// Who may do what by the API of a running worker.
    @Suite struct APIAccess {
        /// Runs curl over the socket as a user with one group besides its own; answers the status.
        private func status(_ api: APIClient, group: String?, _ path: String, _ arguments: String...) async throws -> Int {
            let who = ["--reuid=65534", "--regid=65534", group.map { "--groups=\($0)" } ?? "--clear-groups"]
            let words = ["/usr/bin/curl", "-sS", "-o", "/dev/null", "--max-time", "30", "-w", "%{http_code}", "--unix-socket", api.socket]
            return try await onThread {
                Int(try runProgram("/usr/bin/setpriv", who + words + ["http://localhost\(path)"] + arguments)) ?? 0
            }
        }

        @Test func aUserOfTheHostMayWhatTheGroupsOfItsProcessMay() async throws {
            // Groups of every Debian: games has the number 60, users 100.
            try await withAPI("operators = games\nviewers = users\n") { _, _, api, _ in
                let path = "/v1/load-balancers/shop"
                let put = ["-X", "PUT", "-H", "Content-Type: application/json", "-d"]
                let body = String(decoding: try loadBalancer("shop").bytes, as: UTF8.self)
                for (group, read, plan, change) in [(nil, 403, 403, 403), ("100", 200, 200, 403), ("60", 200, 200, 200)]
                    as [(
                        String?, Int, Int, Int
                    )]
                {
                    #expect(try await status(api, group: group, "/healthz") == 200)
                    #expect(try await status(api, group: group, "/v1/status") == read)
                    #expect(
                        try await status(api, group: group, "\(path)?dry_run=true", put[0], put[1], put[2], put[3], put[4], body) == plan)
                    #expect(try await status(api, group: group, path, put[0], put[1], put[2], put[3], put[4], body) == change)
                    #expect(try await status(api, group: group, "/v1/why/none") == (read == 200 ? 404 : 403))
                }
                #expect(try await api.get("/v1/journal")["journal"].elements.map { $0["origin"] } == ["api:uid:65534"])
                #expect(try await api.get("/v1/why/shop")["why"][0]["what"].text?.hasPrefix("CREATE shop by api:uid:65534") == true)
            }
        }

        @Test func aClientWithACertificateIsWhomItsCommonNameNames() async throws {
            let certificates = try EtcdCertificates()
            let server = certificates.client("server")
            let tls = "tls_cert = \(server.file)\ntls_key = \(server.key)\ntls_client_ca = \(certificates.authority)\n"
            try await withAPI(tls) { rig, options, api, worker in
                func ask(_ client: String?, _ path: String, _ arguments: String...) async throws -> Int {
                    let identity = client.map { certificates.client($0) }.map { ["--cert", $0.file, "--key", $0.key] } ?? []
                    let words = ["-sS", "-o", "/dev/null", "--max-time", "30", "-w", "%{http_code}", "--cacert", certificates.authority]
                    return try await onThread { [port = api.port] in
                        Int(try runProgram("/usr/bin/curl", words + identity + ["https://127.0.0.1:\(port)\(path)"] + arguments)) ?? 0
                    }
                }
                let token = ["-H", "Authorization: Bearer work"]
                // The name of the certificate is in no line of the file, but a token may come with it.
                #expect(try await ask("named", "/v1/status") == 401)
                #expect(try await ask("named", "/v1/status", token[0], token[1]) == 200)
                #expect(try await ask("nameless", "/v1/status") == 401)
                // Without a certificate of the authority no token helps.
                #expect(try await ask(nil, "/v1/status", token[0], token[1]) == 403)
                #expect((try? await ask("stranger", "/v1/status", token[0], token[1])) ?? 403 == 403)
                #expect(try await worker.end() == .exit(0))
                let hash = "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92"
                _ = try rig.write("lbaas operator \(hash)\n", to: "tokens")
                let again = try rig.spawnWorker(options)
                try await again.says("started")
                #expect(try await ask("named", "/v1/load-balancers/none/suspend", "-X", "POST") == 404)
                #expect(try await ask("nameless", "/v1/status") == 401)
                #expect(!again.log.text.contains("Bearer") && !again.log.text.contains(hash))
            }
        }
    }
}
