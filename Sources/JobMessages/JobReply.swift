import JSON
import LBaaS
import Requests

/// A field that the reply adds to the request.
typealias ReplyField = (name: StaticString, value: String)

/// What an answer has only where the job asks for it, since clients of the original do not expect it.
struct ReplyExtras {
    /// Of METRICS: all that was counted, besides the bytes since the last report.
    var hasTotals = false
    /// Of DISCOVER: the driver.
    var hasDetails = false
    /// Of an UPDATE that fails: a sentence for each part that is refused.
    var hasRefusals = false

    /// The sentences of what is refused, where they are asked for and there are several.
    func refusals(_ first: String, _ others: [String]) -> [ReplyField] {
        if !hasRefusals || others.isEmpty { return [] }
        return [("hpcs_refusals", JSONWriting.list(([first] + others).map(JSONWriting.string)))]
    }
}

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
    ///
    /// - Parameter extras: what the job asks for besides.
    func fields(_ extras: ReplyExtras) -> [ReplyField] {
        switch self {
        case .changed, .archived:
            []
        case .refused(let refusal):
            (refusal.frontRevision.map { [ReplyField("hpcs_revision", String($0))] } ?? [])
                + extras.refusals(refusal.sentence, refusal.others)
        case .deleted:
            [("status", #""DELETED""#)]
        case .planned(let operations):
            [("plan", JSONWriting.list(operations.map(JSONWriting.string)))]
        case .discovered(let version, let release, let driver):
            [ReplyField("version", JSONWriting.string(version)), ReplyField("release", JSONWriting.string(release))]
                + (extras.hasDetails ? [ReplyField("driver", JSONWriting.string(driver))] : [])
        case .diagnosed(let jobServers, let network):
            [
                ("gearman", JSONWriting.list(jobServers.map(entry))), ("network", verdict(network)),
            ]
        case .status(let loadBalancers, let virtualIPs):
            [("nodes", JSONWriting.list(loadBalancers.flatMap(\.entries)))] + virtualIPFields(virtualIPs)
        case .metrics(let report):
            [
                ("utc_start", "\"\(report.start.text)\""), ("utc_end", "\"\(report.end.text)\""),
                ("loadBalancers", JSONWriting.list(report.entries.map { $0.json(hasTotal: extras.hasTotals) })),
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
    fileprivate func json(hasTotal: Bool) -> String {
        JSONWriting.object([
            "id": JSONWriting.string(id.text), "protocol": "\"\(serviceProtocol.rawValue.lowercased())\"", "bytes_out": String(bytesOut),
            "bytes_out_total": hasTotal ? String(totalOut) : nil, "bytes_in_total": hasTotal ? String(totalIn) : nil,
            "connections_total": hasTotal ? String(totalConnections) : nil, "connections": hasTotal ? connections.map(String.init) : nil,
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
