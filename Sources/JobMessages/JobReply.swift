import JSON
import LBaaS
import Requests

/// A field that the reply adds to the request.
typealias ReplyField = (name: StaticString, value: String)

extension Outcome {
    /// The sentence of a FAIL of this action; nil for a PASS.
    func error(for action: String) -> String? {
        switch self {
        case .refused(let refusal): refusal.sentence
        case .deleted: "Invalid operation \(action) on a deleted LB."
        default: nil
        }
    }

    /// The fields that the reply gets besides response and error.
    var fields: [ReplyField] {
        switch self {
        case .changed, .archived, .refused:
            []
        case .deleted:
            [("status", #""DELETED""#)]
        case .planned(let operations):
            [("plan", JSONWriting.list(operations.map(JSONWriting.string)))]
        case .discovered(let version, let release):
            [("version", JSONWriting.string(version)), ("release", JSONWriting.string(release))]
        case .diagnosed(let jobServers, let network):
            [
                ("gearman", JSONWriting.list(jobServers.map(entry))), ("network", verdict(network)),
            ]
        case .status(let loadBalancers, let virtualIPs):
            [("nodes", JSONWriting.list(loadBalancers.flatMap(\.entries)))] + virtualIPFields(virtualIPs)
        case .metrics(let report):
            [
                ("utc_start", "\"\(report.start.text)\""), ("utc_end", "\"\(report.end.text)\""),
                ("loadBalancers", JSONWriting.list(report.entries.map(\.json))),
            ]
        }
    }
}

/// Nothing where there are none, so that a reply is then as it ever was.
private func virtualIPFields(_ virtualIPs: [VirtualIPReport]) -> [ReplyField] {
    if virtualIPs.isEmpty { return [] }
    return [("virtualIPs", JSONWriting.list(virtualIPs.map(\.json)))]
}

private func entry(of jobServer: (host: String, port: UInt16, isReachable: Bool)) -> String {
    JSONWriting.object([
        "host": JSONWriting.string(jobServer.host), "port": String(jobServer.port), "status": verdict(jobServer.isReachable),
    ])
}

private func verdict(_ isGood: Bool) -> String { isGood ? #""PASS""# : #""FAIL""# }

extension LoadBalancerStatus {
    fileprivate var entries: [String] {
        let loadBalancer = JSONWriting.string(id.text)
        return nodes.map { node in
            JSONWriting.object([
                "id": JSONWriting.string(node.id.text), "status": node.isUp ? #""UP""# : #""DOWN""#,
                "state": "\"\(node.state.rawValue)\"", "loadBalancer": loadBalancer,
                "reason": node.reason.map(JSONWriting.string), "since": node.since.map { "\"\($0.text)\"" },
            ])
        }
    }
}

extension VirtualIPReport {
    fileprivate var json: String {
        JSONWriting.object([
            "address": "\"\(virtualIP.address)\"", "status": "\"\((fact?.state ?? .booting).rawValue)\"",
            "owner": fact?.owner.map(JSONWriting.string), "since": fact.map { "\"\($0.since.text)\"" },
            "reason": fact?.reason.map(JSONWriting.string),
        ])
    }
}

extension TrafficReport.Entry {
    fileprivate var json: String {
        JSONWriting.object([
            "id": JSONWriting.string(id.text), "protocol": "\"\(serviceProtocol.rawValue.lowercased())\"", "bytes_out": String(bytesOut),
        ])
    }
}

extension Timestamp {
    /// `2014-01-09 15:11:45.704754`, in UTC.
    fileprivate var text: String {
        var bytes: [UInt8] = []
        append(to: &bytes, separator: " ", fractionDigits: 6)
        return String(decoding: bytes, as: UTF8.self)
    }
}
