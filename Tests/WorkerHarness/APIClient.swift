import TestSupport

/// The API of a running worker.
package struct APIClient: Sendable {
    package let socket: String
    package let port: UInt16
    package let section: String

    /// A section `[api]` with a socket, a port, and the tokens `look` of a viewer and `work` of an operator.
    package init(in rig: Rig) throws {
        socket = rig.path("api.sock")
        port = try freePort()
        let tokens = try rig.write(
            """
            # The SHA-256 of the tokens "look" and "work".
            ann viewer 3c01eba119e00d79c82b6f65d70bc5f1044d568618bf41377e6d1432023fc2b8
            bob operator 00e13ed7af55b27622f1d6eab5bec0147e68efe28dc2b12461117afa1a5ed40e
            """, to: "tokens")
        section = "[api]\nsocket = \(socket)\nlisten = 127.0.0.1:\(port)\ntokens = \(tokens)\n"
    }

    /// Runs curl over the socket; answers what the server sends, with the status in a line behind it.
    package func curl(_ path: String, _ arguments: String...) async throws -> (status: Int, body: String) {
        try await WorkerHarness.curl(over: socket, path, arguments)
    }

    /// Sends JSON over the socket.
    package func send(_ method: String, _ path: String, _ body: JSON, _ header: String = "X: y") async throws -> (
        status: Int, body: JSON
    ) {
        let type = "Content-Type: application/json"
        let answer = try await curl(path, "-X", method, "-H", type, "-H", header, "-d", String(decoding: try body.bytes, as: UTF8.self))
        return (answer.status, answer.body.isEmpty ? .null : try JSON(bytes: Array(answer.body.utf8)))
    }

    /// Reads JSON over the socket.
    package func get(_ path: String) async throws -> JSON {
        let answer = try await curl(path)
        guard answer.status == 200 else { throw Failure("\(path) is answered with \(answer)") }
        return try JSON(bytes: Array(answer.body.utf8))
    }

    /// The value of a series of the metrics; nil where there is none.
    package func metric(_ series: String) async throws -> Double? {
        let lines = try await curl("/metrics").body.split(separator: "\n")
        return lines.first { $0.hasPrefix(series + " ") }.flatMap { Double($0.dropFirst(series.count + 1)) }
    }

    /// Sends a job over TCP; answers the reply.
    package func submit(_ job: [UInt8], token: String = "work") async throws -> HTTPTestClient.Response {
        try await onThread { [port] in
            let client = try HTTPTestClient(port)
            try client.send("POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n")
            try client.send("Content-Type: application/json\r\nContent-Length: \(job.count)\r\n\r\n")
            try client.socket.send(job)
            return try client.response()
        }
    }
}

/// Runs a test with a worker that has no job server.
package func withAPI(
    _ more: String = "", _ body: (Rig, WorkerOptions, APIClient, WorkerProcess) async throws -> Void
) async throws {
    try await withRig { rig in
        let api = try APIClient(in: rig)
        var options = rig.options()
        options.configuration = "[gearman]\nservers =\n" + api.section + more
        let worker = try rig.spawnWorker(options)
        try await worker.says("started")
        try await body(rig, options, api, worker)
    }
}

/// Runs curl over the socket of an API; answers what the server sends, with the status.
package func curl(over socket: String, _ path: String, _ arguments: [String] = []) async throws -> (status: Int, body: String) {
    let words = ["-sS", "--max-time", "30", "--unix-socket", socket, "-w", "\n%{http_code}", "http://localhost\(path)"] + arguments
    let output = try await onThread { try runProgram("/usr/bin/curl", words) }
    guard let end = output.lastIndex(of: "\n") else { throw Failure("curl says \(output)") }
    return (Int(output[output.index(after: end)...]) ?? 0, String(output[..<end]))
}
