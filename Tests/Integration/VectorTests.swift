import Foundation
import Testing
import WorkerHarness

extension RealServers {
    /// What existing clients rely on, as it was observed on the original.
    @Suite struct Vectors {
        /// A request as it was sent, and the reply to it.
        struct Vector {
            let name: String
            let request: [UInt8]
            let reply: JSON

            init(line: Substring) throws {
                let whole = try JSON(bytes: Array(line.utf8))
                let before = try #require(line.range(of: #""request": "#))
                let behind = try #require(line.range(of: #", "reply": "#, options: .backwards))
                name = try #require(whole["case"].text)
                request = Array(line[before.upperBound..<behind.lowerBound].utf8)
                reply = whole["reply"]
                try #require(try JSON(bytes: request) == whole["request"])
            }

            /// The reply without what PROTOCOL.md lets differ.
            func comparable(_ reply: JSON) -> JSON {
                var reply = reply
                if reply["badRequest"] != .null { reply["hpcs_response"] = .null }
                if reply["badRequest"] != .null || reply["hpcs_response"] == "FAIL", self.reply["hpcs_error"] == .null {
                    reply["hpcs_error"] = .null
                }
                for name in ["version", "release"] where reply[name].text?.isEmpty == false { reply[name] = "its own" }
                return reply
            }
        }

        @Test func everyReplyIsThatOfTheOriginal() async throws {
            try await withWorker { gearmand, _ in try await Self.check(gearmand) }
        }

        @Test func everyReplyIsThatOfTheOriginalWithHAProxy() async throws {
            try await withHAProxyWorker { gearmand, _ in try await Self.check(gearmand) }
        }

        /// Sends every request to a worker that has nothing configured, and compares its reply.
        private static func check(_ gearmand: Gearmand) async throws {
            let url = try #require(Bundle.module.url(forResource: "libra-replies", withExtension: "jsonl", subdirectory: "Vectors"))
            let vectors = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map { try Vector(line: $0) }
            #expect(vectors.count == 38)
            for vector in vectors {
                let empty: JSON = ["hpcs_action": "UPDATE", "loadBalancers": []]
                try await gearmand.succeed(empty)
                let reply = try JSON(bytes: try await gearmand.ask(bytes: vector.request))
                #expect(vector.comparable(reply) == vector.comparable(vector.reply), "\(vector.name)")
            }
        }
    }
}
