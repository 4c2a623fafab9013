import Foundation
package import TestSupport

package import Kubernetes

/// An API server that answers what it is told, over HTTPS: see replay_server.py.
package final class ReplayServer: Sendable {
    /// An answer to one request, with the names of replay_server.py.
    package struct Answer: Encodable, Sendable {
        package var status: Int?
        package var headers: [String: String]?
        package var token: String?
        package var body: String?
        package var file: String?
        package var lines: [String]?
        package var pause: Double?
        package var size: Int?
        package var cut: Int?
        package var then: String?

        package init(
            status: Int? = nil, headers: [String: String]? = nil, token: String? = nil, body: String? = nil, file: String? = nil,
            lines: [String]? = nil, pause: Double? = nil, size: Int? = nil, cut: Int? = nil, then: String? = nil
        ) {
            (self.status, self.headers, self.token, self.body, self.file) = (status, headers, token, body, file)
            (self.lines, self.pause, self.size, self.cut, self.then) = (lines, pause, size, cut, then)
        }

        /// A list of these objects, as JSON.
        package static func list(_ kind: ObjectKind, version: Int, continuing: String? = nil, _ items: [String] = []) -> Answer {
            let more = continuing.map { ",\"continue\":\"\($0)\"" } ?? ""
            let metadata = "{\"resourceVersion\":\"\(version)\"\(more)}"
            let text = "{\"kind\":\"\(kind.rawValue)List\",\"metadata\":\(metadata),\"items\":[\(items.joined(separator: ","))]}"
            return Answer(body: text)
        }

        /// A watch in which nothing happens.
        package static let silence = Answer(lines: [], then: "hold")

        /// A refusal of the server.
        package static func status(_ code: Int, _ message: String = "no", headers: [String: String]? = nil) -> Answer {
            Answer(status: code, headers: headers, body: "{\"kind\":\"Status\",\"code\":\(code),\"message\":\"\(message)\"}")
        }
    }

    /// What is answered to lists and watches of one resource, in order; the last answers all that follow.
    package struct Script: Encodable, Sendable {
        package var list: [Answer]
        package var watch: [Answer]

        package init(list: [Answer], watch: [Answer] = [.silence]) { (self.list, self.watch) = (list, watch) }
    }

    /// A request that came.
    package struct Request: Decodable, Sendable {
        package let resource: String
        package let verb: String
        package let target: String
        package let agent: String
        package let encoding: String
        package let token: String
        package let host: String
        package let client: String
    }

    package let port: Int
    package let certificates: CertificateFolder
    private let folder: TemporaryFolder
    private let process: ChildProcess
    private let output: String

    /// The server for pods, which trusts its authority.
    package var server: APIServer {
        get throws {
            var server = try APIServer(url: "https://127.0.0.1:\(port)")
            server.authorities = .file(certificates.file("authority"))
            return server
        }
    }

    /// Starts it.
    ///
    /// - Parameters:
    ///   - script: by resource; what it does not have is an empty list, and silence.
    ///   - name: the subject of its certificate, as an extension has it.
    private init(_ script: [ObjectKind: Script], name: String, asksClients: Bool) async throws {
        folder = try TemporaryFolder()
        certificates = try CertificateFolder()
        try certificates.makeAuthority("authority")
        try certificates.make("server", "/CN=api", signedBy: "authority", extensions: "subjectAltName=\(name)")
        try certificates.make("client", "/CN=worker", signedBy: "authority", extensions: "extendedKeyUsage=clientAuth")
        var scripts: [String: Script] = [:]
        for kind in ObjectKind.allCases { scripts[kind.resource] = script[kind] ?? Script(list: [.list(kind, version: 1)]) }
        let scenario = try folder.write(String(decoding: try JSONEncoder().encode(scripts), as: UTF8.self), to: "scenario")
        output = folder.file("output")
        let program = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "replay_server.py").path
        let arguments = [program, scenario, certificates.file("server"), certificates.key("server")]
        process = try ChildProcess(
            "/usr/bin/python3", arguments + (asksClients ? [certificates.file("authority")] : []), folder: folder.path, output: output,
            errors: folder.file("errors"))
        let output = output
        var port: Int?
        try await eventually("the port of the server") {
            let lines = (try? String(contentsOfFile: output, encoding: .utf8))?.split(separator: "\n") ?? []
            port = lines.first.flatMap { Int($0) }
            return port != nil
        }
        self.port = port ?? 0
    }

    /// Runs a body with a server.
    package static func run(
        _ script: [ObjectKind: Script], name: String = "IP:127.0.0.1", asksClients: Bool = false,
        _ body: (ReplayServer) async throws -> Void
    ) async throws {
        let server = try await ReplayServer(script, name: name, asksClients: asksClients)
        let outcome: (any Error)?
        do {
            try await body(server)
            outcome = nil
        } catch {
            outcome = error
        }
        await server.process.destroy()
        if let outcome { throw outcome }
    }

    /// The requests so far.
    package func requests(_ kind: ObjectKind, _ verb: String) throws -> [Request] {
        let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").dropFirst()
        // The last line may be half written.
        return lines.compactMap { try? JSONDecoder().decode(Request.self, from: Data($0.utf8)) }
            .filter { $0.resource == kind.resource && $0.verb == verb }
    }
}
