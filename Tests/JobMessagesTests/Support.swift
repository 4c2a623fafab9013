import Foundation
import JobMessages
import LBaaS
import Requests
import Testing

/// Hands a job in; where it is understood, this becomes of it.
func answer(_ job: [UInt8], _ outcome: Outcome = .changed, by messages: JobMessages = JobMessages()) -> JobAnswer {
    messages.answer(job.span.bytes) { _ in outcome }
}

func answer(_ job: String, _ outcome: Outcome = .changed, by messages: JobMessages = JobMessages()) -> JobAnswer {
    answer(Array(job.utf8), outcome, by: messages)
}

/// The reply to a job, as text.
func reply(_ job: String, _ outcome: Outcome = .changed) -> String {
    String(decoding: answer(job, outcome).reply, as: UTF8.self)
}

/// What a job is read as.
func request(_ job: String) throws -> Request {
    var request: Request?
    let answer = JobMessages().answer(Array(job.utf8).span.bytes) {
        request = $0
        return .changed
    }
    return try #require(request, "refused: \(answer.error ?? "without a word")")
}

/// The load balancers that an UPDATE or CREATE is read as.
func loadBalancers(_ job: String) throws -> [LoadBalancer] {
    switch try request(job) {
    case .change(.create(let list), _), .change(.update(let list), _): return list
    case let other: throw Unexpected(what: "\(other)")
    }
}

/// The one load balancer that a CREATE of this one is read as.
func loadBalancer(_ text: String) throws -> LoadBalancer {
    let list = try loadBalancers(create(text))
    try #require(list.count == 1)
    return list[0]
}

/// The sentence with which a job is refused. The decision is never asked for.
func refusal(_ job: String) throws -> String {
    let answer = JobMessages().answer(Array(job.utf8).span.bytes) { request in
        Issue.record("understood as \(request)")
        return .changed
    }
    let error = try #require(answer.error)
    let object = try object(answer.reply)
    #expect(object["hpcs_response"] as? String == "FAIL")
    #expect(object["hpcs_error"] as? String == error)
    return error
}

struct Unexpected: Error {
    let what: String
}

/// A CREATE of these load balancers.
func create(_ loadBalancers: String...) -> String {
    #"{"hpcs_action":"CREATE","loadBalancers":["# + loadBalancers.joined(separator: ",") + "]}"
}

/// A load balancer with what it must have, and these members.
func http(_ members: String, nodes: String = "") -> String {
    #"{"id":"web","protocol":"HTTP","nodes":["# + nodes + "]" + (members.isEmpty ? "" : "," + members) + "}"
}

/// A node with what it must have, and these members.
func node(_ members: String = "", id: String = #""n""#) -> String {
    #"{"id":"# + id + #","address":"10.0.0.1","port":80"# + (members.isEmpty ? "" : "," + members) + "}"
}

/// A JSON object.
func object(_ text: [UInt8]) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text)) as? [String: Any])
}

/// The text that all JSON texts of one value share.
func canonical(_ value: Any) throws -> String {
    String(decoding: try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed]), as: UTF8.self)
}
