import LBaaS
import Requests
import Synchronization

@testable import Controller

/// A load balancer as a job lists it, with one node of this weight.
func listed(_ id: String, _ port: Int, weight: Int = 1, _ more: String = "") -> String {
    #"{"id": "\#(id)", "protocol": "HTTP", "port": \#(port)\#(more), "#
        + #""nodes": [{"id": "n", "address": "10.0.0.1", "port": 8080, "weight": \#(weight)}]}"#
}

/// Load balancers as a job names them.
func named(_ ids: String...) -> [String] { ids.map { #"{"id": "\#($0)"}"# } }

/// A load balancer, with one node of this weight.
func balancer(_ id: String, _ port: UInt16, weight: UInt16 = 1, address: String? = nil, isSuspended: Bool = false) -> LoadBalancer {
    var balancer = LoadBalancer(id: LoadBalancerID(id), serviceProtocol: .http, address: address.flatMap { IPAddress($0) }, port: port)
    balancer.nodes = [Node(id: "n", address: .address(.v4(0x0A00_0001)), port: 8080, weight: weight)]
    balancer.isSuspended = isSuspended
    return balancer
}

func byID(_ balancers: LoadBalancer...) -> [String: LoadBalancer] {
    Dictionary(uniqueKeysWithValues: balancers.map { ($0.id.text, $0) })
}

/// These load balancers by their ids.
func ids(_ ids: String...) -> Selection { .named(ids.map { LoadBalancerID($0) }) }

/// How nodes were found, by where they are.
typealias Found = [LoadBalancerID: [NodeID: (endpoint: Endpoint, health: NodeHealth)]]

private let lastSequence = Atomic<UInt64>(0)

extension CommitPipeline {
    /// These as findings about the facts that are committed now, newer than all before. What is elsewhere by now is of another fact.
    func findings(_ found: Found) -> HealthFindings {
        let sequence = lastSequence.add(1, ordering: .relaxed).newValue
        return found.reduce(into: [:]) { findings, found in
            let facts = committed.health(of: found.key)?.nodes ?? [:]
            findings[found.key] = Dictionary(
                uniqueKeysWithValues: found.value.map { node, found in
                    let fact = facts[node].flatMap { $0.endpoint == found.endpoint ? $0 : nil }
                    return (node, NodeFinding(version: fact?.version ?? .max, sequence: sequence, health: found.health))
                })
        }
    }

    /// Reports how nodes were found.
    func report(_ found: Found) { report(findings(found)) }

    /// Has a change committed.
    func commit(_ change: WantedChange) -> Outcome { run(.commit(.change(change))) }

    /// Reports the traffic.
    func metrics(_ selection: Selection) -> Outcome { run(.commit(.metrics(selection))) }
}

extension Outcome {
    /// The sentence of a job that failed.
    var failure: String? {
        if case .refused(let refusal) = self { refusal.sentence } else { nil }
    }

    var isChanged: Bool {
        if case .changed = self { true } else { false }
    }

    /// The bytes of each load balancer that is reported on.
    var bytes: [UInt64]? {
        if case .metrics(let report) = self { report.entries.map(\.bytesOut) } else { nil }
    }
}

extension [PatchGroup] {
    /// The ids of each group.
    var ids: [[String]] { map { $0.patches.map(\.id.text) } }
}
