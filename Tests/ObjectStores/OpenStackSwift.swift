import Foundation
import FoundationNetworking
import TestSupport

/// OpenStack Swift's own servers: proxy, account, container and object server with one disk, which is a folder.
package final class OpenStackSwift: Sendable {
    /// Where an account's containers are.
    package let endpoint: String
    private let folder: TemporaryFolder
    private let proxy: UInt16
    private let memcached: UInt16
    private let ports: [String: UInt16]

    private init() throws {
        folder = try TemporaryFolder()
        proxy = try freePort()
        memcached = try freePort()
        ports = ["account": try freePort(), "container": try freePort(), "object": try freePort()]
        endpoint = "http://127.0.0.1:\(proxy)/v1/AUTH_test"
    }

    /// Runs a body while the servers run.
    package static func run(_ body: (OpenStackSwift) async throws -> Void) async throws {
        let swift = try OpenStackSwift()
        var processes: [ChildProcess] = []
        let outcome: (any Error)?
        do {
            try await swift.configure()
            processes = try swift.start()
            try await eventually("the servers of Swift") {
                for process in processes where process.ended != nil { throw Failure(try swift.words()) }
                // The proxy asked before its servers answer would not ask them again for a minute.
                let ports = swift.ports.values + [swift.proxy, swift.memcached]
                return ports.allSatisfy { (try? LoopbackSocket.connected(to: $0)) != nil }
            }
            try await body(swift)
            outcome = nil
        } catch {
            outcome = error
        }
        for process in processes { await process.destroy() }
        if let outcome { throw outcome }
    }

    /// A fresh token of a user who may do everything with the account, or of one who may do nothing.
    package func token(of user: String = "test:tester") async throws -> String {
        let address = "http://127.0.0.1:\(proxy)/auth/v1.0"
        let answer = try await ask("GET", address, ["X-Auth-User": user, "X-Auth-Key": "testing"])
        guard let token = answer.headers["x-auth-token"] else { throw Failure("Swift gives no token: \(answer.status)") }
        return token
    }

    /// The names of the objects of a container.
    package func objects(in container: String) async throws -> [String] {
        let answer = try await ask("GET", endpoint + "/" + container + "?format=json", ["X-Auth-Token": try await token()])
        struct Object: Decodable { let name: String }
        return try JSONDecoder().decode([Object].self, from: answer.body).map(\.name)
    }

    /// An object: its bytes, and their fingerprint as Swift has it.
    package func object(_ name: String, in container: String) async throws -> (bytes: [UInt8], fingerprint: String?) {
        let encoded = name.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let answer = try await ask("GET", "\(endpoint)/\(container)/\(encoded)", ["X-Auth-Token": try await token()])
        guard answer.status == 200 else { throw Failure("no object \(name): \(answer.status)") }
        return (Array(answer.body), answer.headers["etag"])
    }

    private func ask(
        _ method: String, _ address: String, _ headers: [String: String]
    ) async throws -> (status: Int, headers: [String: String], body: Data) {
        guard let url = URL(string: address) else { throw Failure("\(address) is no address") }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.allHTTPHeaderFields = headers
        let (body, response) = try await URLSession.shared.data(for: request)
        guard let response = response as? HTTPURLResponse else { throw Failure("no HTTP") }
        let pairs = response.allHeaderFields.map { ("\($0.key)".lowercased(), "\($0.value)") }
        return (response.statusCode, Dictionary(pairs) { $1 }, body)
    }

    private func configure() async throws {
        _ = try folder.write(
            "[swift-hash]\nswift_hash_path_suffix = tests\n[storage-policy:0]\nname = one\ndefault = yes\n", to: "swift.conf")
        try FileManager.default.createDirectory(atPath: folder.file("devices/disk"), withIntermediateDirectories: true)
        for (server, port) in ports {
            let device = "r1z1-127.0.0.1:\(port)/disk"
            for arguments in [["create", "4", "1", "0"], ["add", device, "1"], ["rebalance"]] {
                let builder = try start("swift-ring-builder", [folder.file(server + ".builder")] + arguments)
                guard try await builder.end(within: 60) == .exit(0) else { throw Failure(try words()) }
            }
            _ = try folder.write(
                settings(port) + "devices = \(folder.file("devices"))\nmount_check = false\n" + """
                    [pipeline:main]
                    pipeline = \(server)-server
                    [app:\(server)-server]
                    use = egg:swift#\(server)
                    """, to: server + ".conf")
        }
        _ = try folder.write(
            settings(proxy) + """
                [pipeline:main]
                pipeline = catch_errors cache tempauth proxy-server
                [app:proxy-server]
                use = egg:swift#proxy
                account_autocreate = true
                [filter:catch_errors]
                use = egg:swift#catch_errors
                [filter:cache]
                use = egg:swift#memcache
                memcache_servers = 127.0.0.1:\(memcached)
                [filter:tempauth]
                use = egg:swift#tempauth
                user_test_tester = testing .admin
                user_test_nobody = testing
                """, to: "proxy.conf")
    }

    private func settings(_ port: UInt16) -> String {
        "[DEFAULT]\nswift_dir = \(folder.path)\nbind_ip = 127.0.0.1\nbind_port = \(port)\nworkers = 0\nuser = \(NSUserName())\n"
    }

    private func start() throws -> [ChildProcess] {
        let servers = try (ports.keys + ["proxy"]).map { try start("swift-\($0)-server", [folder.file($0 + ".conf")]) }
        return servers + [try start("memcached", ["-u", NSUserName(), "-l", "127.0.0.1", "-p", "\(memcached)"])]
    }

    private func start(_ program: String, _ arguments: [String]) throws -> ChildProcess {
        try ChildProcess(program, arguments, folder: folder.path, output: folder.file("words"), errors: folder.file("words"))
    }

    private func words() throws -> String { String(try String(contentsOfFile: folder.file("words"), encoding: .utf8).suffix(2000)) }
}
