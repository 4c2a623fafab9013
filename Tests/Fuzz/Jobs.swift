import Foundation
import JobMessages
import LBaaS
import LoadBalancerJSON
import Requests

// Kept from input to input, as a connection keeps them from job to job. libFuzzer has one thread.
nonisolated(unsafe) private let messages = JobMessages()
nonisolated(unsafe) private let reader = StoredLoadBalancerReader()

/// A job as a client sends it: it is answered, and its reply asks for the same as the job.
func fuzzJob(_ job: [UInt8]) {
    var understood: Request?
    let answer = messages.answer(job.span.bytes) { request in
        understood = request
        return outcome(of: request, number: job.count)
    }
    check(answer)
    guard let understood else { return require(answer.error != nil, "a job that was not understood is a PASS") }
    loadBalancers(of: understood).forEach(checkStored)
    checkAgain(answer, to: understood, number: job.count)
}

/// The text of a load balancer as the store has it.
func fuzzStoredLoadBalancer(_ text: [UInt8]) {
    if let loadBalancer = try? reader?.loadBalancer(from: text) { checkStored(loadBalancer) }
}

/// The reply is a JSON object that says how it went.
private func check(_ answer: JobAnswer) {
    let parsed = try? JSONSerialization.jsonObject(with: Data(answer.reply))
    guard let reply = parsed as? [String: Any] else { fatalError("the reply is not a JSON object: \(text(answer.reply))") }
    let response = reply["hpcs_response"] as? String
    require(response == (answer.error == nil ? "PASS" : "FAIL"), "wrong hpcs_response: \(text(answer.reply))")
    if let error = answer.error {
        require(!error.isEmpty && reply["hpcs_error"] as? String == error, "wrong hpcs_error: \(text(answer.reply))")
    }
    if let token = reply["hpcs_object_store_token"] { require(token as? String == "*****", "the token shows: \(text(answer.reply))") }
}

/// What the store keeps comes back as it was.
private func checkStored(_ loadBalancer: LoadBalancer) {
    guard let reader else { fatalError("out of memory") }
    let stored = StoredLoadBalancer.text(of: loadBalancer)
    do {
        let read = try reader.loadBalancer(from: stored)
        require(read == loadBalancer, "another came back from \(text(stored))")
        require(StoredLoadBalancer.text(of: read) == stored, "other bytes came back from \(text(stored))")
    } catch {
        fatalError("\(error.reason) in \(text(stored))")
    }
}

/// A reply has all that the request had, so as a job it asks for the same and gets the same reply.
private func checkAgain(_ answer: JobAnswer, to request: Request, number: Int) {
    // Here the report takes the place of the list of those it is asked for.
    if case .metrics = request { return }
    var again: Request?
    let second = messages.answer(answer.reply.span.bytes) { request in
        again = request
        return outcome(of: request, number: number)
    }
    require(second.reply == answer.reply, "\(text(answer.reply)) is answered with \(text(second.reply))")
    guard let again else { fatalError("not understood any more: \(text(answer.reply))") }
    if answer.error == nil {
        require(loadBalancers(of: again) == loadBalancers(of: request), "read otherwise: \(text(answer.reply))")
    }
}

/// One of the outcomes that such a request can have.
private func outcome(of request: Request, number: Int) -> Outcome {
    let names = names(in: request)
    if number % 5 == 4 { return .refused(Refusal(.invalid, "it failed: \(names)")) }
    switch request {
    case .change(_, let options) where options.isDryRun: return .planned(names)
    case .change: return .changed
    case .status:
        if number % 5 == 3 { return .deleted }
        return .status(names.map { LoadBalancerStatus(id: LoadBalancerID($0), nodes: [NodeStatus(id: NodeID($0), isUp: number % 2 == 0)]) })
    case .metrics:
        if number % 5 == 3 { return .deleted }
        let entries = names.map { TrafficReport.Entry(id: LoadBalancerID($0), serviceProtocol: .http, bytesOut: UInt64(number)) }
        return .metrics(TrafficReport(start: Timestamp(microseconds: 0), end: Timestamp(microseconds: Int64(number)), entries: entries))
    case .discover: return .discovered(version: "1", release: "1")
    case .archive: return .archived
    case .diagnostics: return .diagnosed(jobServers: [("localhost", 4730, true)], network: false)
    }
}

/// The load balancers that a request names.
private func names(in request: Request) -> [String] {
    switch request {
    case .change(.suspend(.named(let ids)), _), .change(.enable(.named(let ids)), _), .change(.delete(.named(let ids)), _),
        .status(.named(let ids)), .metrics(.named(let ids), _):
        ids.map(\.text)
    case .archive(let order): [order.loadBalancer.text]
    default: loadBalancers(of: request).map(\.id.text)
    }
}

/// The load balancers that a request describes.
private func loadBalancers(of request: Request) -> [LoadBalancer] {
    switch request {
    case .change(.update(let list), _), .change(.create(let list), _): list
    default: []
    }
}
