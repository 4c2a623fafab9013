import EtcdTestSupport
import TestSupport
import Testing

@testable import Etcd

@Suite struct AccessTests {
    @Test("A user logs in, and again where etcd has forgotten the token")
    func users() async throws {
        try await EtcdCluster.run { cluster in
            try await cluster.turnOnAuthentication()
            let anonymous = try EtcdClient(cluster.configuration)
            let nobody = try await failure { () throws(EtcdError) in try anonymous.put("/lbaas/k", [1]) }
            #expect(nobody.code == .unauthenticated && nobody.message.contains("a user and a password are needed"))

            var configuration = cluster.configuration
            configuration.user = .init(name: "lbaas", password: "wrong")
            let stranger = try EtcdClient(configuration)
            let wrong = try await failure { () throws(EtcdError) in try stranger.put("/lbaas/k", [1]) }
            #expect(wrong.code == .unauthenticated && wrong.message.contains("does not accept the user or the password"))

            configuration.user = .init(name: "lbaas", password: "secret")
            let client = try EtcdClient(configuration)
            let updates = Record<EtcdWatch.Update>()
            let watch = try client.watch(.prefix("/lbaas/")) { updates.add($0) }
            defer { watch.cancel() }
            try await eventually("the watch") { updates.all.contains { if case .opened = $0 { true } else { false } } }
            try await blocking { () throws(EtcdError) in try client.put("/lbaas/k", [1]) }
            let elsewhere = try await failure { () throws(EtcdError) in try client.put("/other", [1]) }
            #expect(elsewhere.code == .permissionDenied && elsewhere.message.contains("grant the user a role"))

            // etcd forgets its tokens at a restart. Many requests at once are served by one login or a few.
            await cluster.kill(0)
            try cluster.start(0)
            try await cluster.isReady()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try await blocking { () throws(EtcdError) -> Void in try client.put("/lbaas/\(number)", [1], within: .seconds(20)) }
                    }
                }
                try await group.waitForAll()
            }
            // The watch got another token too.
            try await eventually("the changes after the restart") {
                updates.all.contains { if case .changes(let changes, _) = $0 { changes.contains { $0.key == "/lbaas/19" } } else { false } }
            }
        }
    }

    @Test("A watch of keys that the user may not read says so, and goes on when it may")
    func forbiddenWatch() async throws {
        try await EtcdCluster.run { cluster in
            try await cluster.turnOnAuthentication()
            var configuration = cluster.configuration
            configuration.user = .init(name: "lbaas", password: "secret")
            let updates = Record<EtcdWatch.Update>()
            let watch = try EtcdClient(configuration).watch(.prefix("/other/")) { updates.add($0) }
            defer { watch.cancel() }
            try await eventually("the refusal") {
                updates.all.contains { if case .interrupted(let error) = $0 { error.code == .permissionDenied } else { false } }
            }
            try await cluster.control("--user", "root:secret", "role", "grant-permission", "lbaas", "--prefix=true", "readwrite", "/other/")
            try await eventually("the watch") { updates.all.contains { if case .opened = $0 { true } else { false } } }
        }
    }

    @Test("TLS works with an authority, a client certificate without a common name, and a user")
    func tls() async throws {
        let certificates = try await onThread { try EtcdCertificates(asksClients: true) }
        try await EtcdCluster.run(.init(certificates: certificates)) { cluster in
            // Without authentication any certificate of the authority's will do.
            var configuration = cluster.configuration
            configuration.certificate = certificates.client("named")
            let named = try EtcdClient(configuration)
            try await blocking { () throws(EtcdError) in try named.put("/lbaas/k", [1]) }

            try await cluster.turnOnAuthentication()
            configuration.user = .init(name: "lbaas", password: "secret")
            let refused = try EtcdClient(configuration)
            let common = try await failure { () throws(EtcdError) in try refused.put("/lbaas/k", [1]) }
            #expect(common.code == .tls && common.message.contains("common name (CN)"))
            #expect(common.message.contains(certificates.client("named").file))

            configuration.certificate = certificates.client("nameless")
            let client = try EtcdClient(configuration)
            try await blocking { () throws(EtcdError) in try client.put("/lbaas/k", [2]) }

            configuration.certificate = certificates.client("stranger")
            let other = try EtcdClient(configuration)
            let strange = try await failure { () throws(EtcdError) in try other.put("/lbaas/k", [3]) }
            #expect(strange.code == .tls && strange.message.contains("accept the client certificate"), "\(strange)")
            configuration.certificate = nil
            let bare = try EtcdClient(configuration)
            let error = try await failure { () throws(EtcdError) in try bare.put("/lbaas/k", [3]) }
            #expect(error.code == .tls && error.message.contains("a client without a certificate"), "\(error)")
        }
    }

    @Test("A server certificate that is not good for clients too keeps etcd's gateway from working, and the message says so")
    func usage() async throws {
        let certificates = try await onThread { try EtcdCertificates(server: "serverAuth", asksClients: true) }
        try await EtcdCluster.run(.init(certificates: certificates)) { cluster in
            var configuration = cluster.configuration
            configuration.certificate = certificates.client("nameless")
            let client = try EtcdClient(configuration)
            let error = try await failure { () throws(EtcdError) in try client.put("/k", [1]) }
            #expect(error.code == .unavailable && error.message.contains("extended key usage clientAuth"), "\(error)")
        }
    }

    @Test("Files that cannot be used, an unknown authority and a wrong scheme have messages of their own")
    func certificates() async throws {
        let certificates = try await onThread { try EtcdCertificates() }
        try await EtcdCluster.run(.init(certificates: certificates)) { cluster in
            func error(_ change: (inout EtcdConfiguration) -> Void) async throws -> EtcdError {
                var configuration = cluster.configuration
                change(&configuration)
                let client = try EtcdClient(configuration)
                return try await failure { () throws(EtcdError) in try client.put("/k", [1]) }
            }
            let distrusted = try await error { $0.authorities = certificates.client("stranger").file }
            #expect(distrusted.code == .tls && distrusted.message.contains("must be signed by an authority of"), "\(distrusted)")
            let absent = try await error { $0.authorities = "/nonexistent/ca.pem" }
            #expect(absent.code == .configuration && absent.message.contains("/nonexistent/ca.pem"), "\(absent)")
            let unreadable = try await error { $0.certificate = ("/nonexistent/client.pem", "/nonexistent/client.key") }
            #expect(unreadable.code == .configuration && unreadable.message.contains("/nonexistent/client.pem"), "\(unreadable)")
            let plain = try EtcdEndpoint("http://127.0.0.1:\(cluster.clientPorts[0])")
            let insecure = try await error { $0.endpoints = [plain] }
            #expect(insecure.message.contains("https://"), "\(insecure)")
        }
        try await EtcdCluster.run { cluster in
            let secure = try EtcdEndpoint("https://127.0.0.1:\(cluster.clientPorts[0])")
            let client = try EtcdClient(EtcdConfiguration(endpoints: [secure]))
            let error = try await failure { () throws(EtcdError) in try client.put("/k", [1]) }
            #expect(error.code == .tls && error.message.contains("http://"), "\(error)")
        }
    }
}
