import LBaaS
import Requests

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

extension CommitPipeline {
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
