import Foundation
import JobMessages
import LBaaS
import Testing

/// What was observed on the original, compared as PROTOCOL.md says.
@Suite struct VectorTests {
    /// A request and the original's reply to it, each as JSON text.
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let request: String
        let reply: String
        var testDescription: String { name }
    }

    static func vectors() throws -> [Vector] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Integration/Vectors/libra-replies.jsonl")
        return try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")).map { line in
            let vector = try object(Array(line))
            return Vector(
                name: try #require(vector["case"] as? String), request: try canonical(try #require(vector["request"])),
                reply: try canonical(try #require(vector["reply"])))
        }
    }

    @Test func areAllThere() throws { #expect(try Self.vectors().count == 38) }

    @Test(arguments: try vectors()) func replyIsAsTheOriginals(vector: Vector) throws {
        let answer = JobMessages().answer(Array(vector.request.utf8).span.bytes) { request in
            if case .discover = request { return .discovered(version: "1.0", release: "1.0.0") }
            return .changed
        }
        let expected = try object(Array(vector.reply.utf8))
        var replied = try object(answer.reply)
        let isFailure = replied["hpcs_response"] as? String == "FAIL"
        if expected["badRequest"] != nil {
            #expect(replied.removeValue(forKey: "hpcs_response") as? String == "FAIL")
        }
        if expected["hpcs_error"] == nil, isFailure {
            #expect(replied.removeValue(forKey: "hpcs_error") as? String == answer.error)
        }
        for own in ["version", "release"] where replied[own] is String { replied[own] = expected[own] }
        #expect(try canonical(replied) == vector.reply)
    }
}
