import Dispatch
import EtcdTestSupport
import Synchronization
import TestSupport
import Testing

@testable import Etcd

@Suite struct AccessTests {
    @Test("One login serves all that need a token meanwhile, and a login that failed is followed by another")
    func oneLogin() async throws {
        let callers = 40
        let begun = DispatchSemaphore(value: 0)
        let logins = Atomic<Int>(0)
        let keeper = TokenKeeper { () throws(EtcdError) in
            let number = logins.add(1, ordering: .relaxed).newValue
            if number == 1 { throw EtcdError(.unauthenticated, "refused") }
            // It ends when all callers are there, or are about to be.
            for _ in 0..<callers where begun.wait(timeout: .now() + 60) == .timedOut { throw EtcdError(.timedOut, "a caller is missing") }
            return "token \(number)"
        }
        let refused = try await failure { () throws(EtcdError) in _ = try keeper.renew(nil, within: .seconds(60)) }
        #expect(refused.code == .unauthenticated)
        let tokens = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    try await onThread {
                        begun.signal()
                        return try keeper.renew(nil, within: .seconds(60))
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(tokens == Array(repeating: "token 2", count: callers))
    }

    @Test("A login that takes too long fails for whoever waits for it, and its token serves the next caller")
    func slowLogin() async throws {
        let released = DispatchSemaphore(value: 0)
        let keeper = TokenKeeper { () throws(EtcdError) in
            released.wait()
            return "token"
        }
        let late = try await failure { () throws(EtcdError) in _ = try keeper.renew(nil, within: .milliseconds(20)) }
        #expect(late.code == .timedOut && late.message == "etcd: the login of the user did not end within 0.02 s")
        released.signal()
        #expect(try await onThread { try keeper.renew(nil, within: .seconds(60)) } == "token")
    }

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
            // The watch got another token too. It tells of what came before it was there again by a snapshot.
            try await eventually("the changes after the restart") {
                updates.all.contains { update in
                    switch update {
                    case .changes(let changes, _): changes.contains { $0.key == "/lbaas/19" }
                    case .snapshot(let snapshot, _): snapshot.entries.contains { $0.key == "/lbaas/19" }
                    default: false
                    }
                }
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
            var configuration = cluster.configuration
            configuration.endpoints = [try EtcdEndpoint("https://127.0.0.1:\(cluster.clientPorts[0])")]
            let client = try EtcdClient(configuration)
            let error = try await failure { () throws(EtcdError) in try client.put("/k", [1]) }
            #expect(error.code == .tls && error.message.contains("http://"), "\(error)")
        }
    }
}
