import TestSupport

/// A load balancer of a job: TCP, with one node for each weight.
package func loadBalancer(_ id: String, port: Int = 8080, weights: Int...) -> JSON {
    let nodes = (weights.isEmpty ? [1] : weights).enumerated().map { index, weight in
        ["id": .string("\(id)-\(index)"), "address": .string("10.0.0.\(index + 1)"), "port": 80, "weight": .number(Double(weight))] as JSON
    }
    return ["id": .string(id), "protocol": "TCP", "port": .number(Double(port)), "nodes": .array(nodes)]
}

/// A job about load balancers.
package func job(_ action: String, _ loadBalancers: JSON..., dryRun: Bool = false) -> JSON {
    job(action, loadBalancers, dryRun: dryRun)
}

/// A job about load balancers.
package func job(_ action: String, _ loadBalancers: [JSON], dryRun: Bool = false) -> JSON {
    var job: JSON = ["hpcs_action": .string(action)]
    if !loadBalancers.isEmpty { job["loadBalancers"] = .array(loadBalancers) }
    if dryRun { job["hpcs_dry_run"] = true }
    return job
}

/// A load balancer that is only named.
package func named(_ id: String) -> JSON { ["id": .string(id)] }

extension Gearmand {
    /// Submits a job that must succeed.
    @discardableResult
    package func succeed(_ job: JSON, file: StaticString = #fileID, line: Int = #line) async throws -> JSON {
        let reply = try await ask(job)
        guard reply.isPass else { throw Failure("\(file):\(line): the job failed: \(reply)") }
        return reply
    }

    /// What STATS says of each node.
    package func nodes(of loadBalancers: JSON..., file: StaticString = #fileID, line: Int = #line) async throws -> [String: String] {
        let reply = try await succeed(job("STATS", loadBalancers), file: file, line: line)
        return Dictionary(reply["nodes"].elements.map { ($0["id"].text ?? "", $0["status"].text ?? "") }) { "\($0) and \($1)" }
    }
}
