import Foundation
import TestSupport
import WorkerHarness

/// A client of go_keepalived's API. It sends what go_keepalived's own client sends by Python's urllib, with a digest that Python makes.
struct KeepalivedClient: Sendable {
    let port: UInt16
    let password: String?

    /// A client of a worker that listens on a port that the system chooses.
    init(password: String? = nil) throws {
        port = try freePort()
        self.password = password
    }

    /// The keys of `[api]`.
    var keys: [String: String] {
        var keys = ["keepalived_listen": "127.0.0.1:\(port)"]
        keys["keepalived_password"] = password
        return keys
    }

    /// Sends a command, and reads the answer, whose status is 200.
    func ask(_ command: String, _ fields: [String: String] = [:]) async throws -> JSON {
        try await send(try await signed(fields.merging(["Command": command]) { $1 }))
    }

    /// Sends a command that succeeds.
    func succeed(_ command: String, _ fields: [String: String] = [:]) async throws {
        let answer = try await ask(command, fields)
        if answer["result"] != "true" { throw Failure("\(command) \(fields) is answered with \(answer)") }
    }

    /// Sends a command that is refused; answers the sentence.
    func refusal(_ command: String, _ fields: [String: String] = [:]) async throws -> String {
        let answer = try await ask(command, fields)
        guard answer["result"] == "false", let info = answer["info"].text else { throw Failure("\(command) is answered with \(answer)") }
        return info
    }

    /// Sends a body as it is.
    func send(_ body: String, _ header: String = "") async throws -> JSON {
        let response = try await post(body, header)
        guard response.status == 200 else { throw Failure("\(body.prefix(100)) is answered with \(response)") }
        return try JSON(bytes: Array(response.body.utf8))
    }

    /// Sends a body as it is.
    func post(_ body: String, _ header: String = "") async throws -> HTTPTestClient.Response {
        try await onThread { [port] in
            try HTTPTestClient(port).ask(
                """
                POST / HTTP/1.1\r
                Accept-Encoding: identity\r
                Content-Type: application/x-www-form-urlencoded\r
                Content-Length: \(body.utf8.count)\r
                Host: 127.0.0.1:\(port)\r
                User-Agent: Python-urllib/3.11\r
                \(header)Connection: close\r
                \r
                \(body)
                """)
        }
    }

    private static let program = """
        import hashlib, hmac, json, sys
        data = json.loads(sys.argv[1])
        line = "".join(data[key] for key in sorted(data))
        data["Digest"] = hmac.new(sys.argv[2].encode(), line.encode(), digestmod=hashlib.sha256).hexdigest()
        sys.stdout.write(json.dumps(data))
        """

    private func signed(_ fields: [String: String]) async throws -> String {
        let text = String(decoding: try JSONEncoder().encode(fields), as: UTF8.self)
        guard let password else { return text }
        return try await onThread { try runProgram("/usr/bin/python3", ["-c", Self.program, text, password]) }
    }
}

/// The fields of a service of go_keepalived.
func keepalivedService(_ address: String, port: Int = 80) -> [String: String] {
    ["VIP": address, "Proto": "tcp", "Port": "\(port)"]
}
