import HostSystem
import JSON
import LBaaS
import LoadBalancerJSON
import Requests

// The JSON of what is read.

extension StateReport {
    /// All of its load balancers: `{"revision": N, "loadBalancers": […]}`.
    var parts: [[UInt8]] {
        var text = PartedText(Array("{\"revision\": \(revision), \"loadBalancers\": [".utf8))
        var work = LongWork()
        for (place, item) in items.enumerated() {
            work.step()
            text.step()
            if place > 0 { text.last += ",\n".utf8 }
            text.last += item.text
        }
        text.last += "]}\n".utf8
        return text.parts
    }
}

extension StateReport.Item {
    /// The load balancer as a job has it, with how it and its nodes are.
    var text: [UInt8] {
        let loadBalancer = entry.loadBalancer
        // An appliance tells of the nodes in the order of the load balancer, mostly.
        let isInOrder = nodes.elementsEqual(loadBalancer.nodes) { $0.id == $1.id }
        let byID = isInOrder ? [:] : Dictionary(nodes.map { ($0.id, $0) }) { first, _ in first }
        return StoredLoadBalancer.object(of: loadBalancer) { output in
            output.append(",\"status\":\"")
            output.append(status.rawValue)
            output.append("\",\"source\":\"")
            output.append(entry.source.rawValue)
            output.append("\",\"created\":\"")
            output.append(time: entry.createdAt)
            output.append("\"")
        } nodeMembers: { place, output in
            let node = loadBalancer.nodes[place]
            // What the text of a load balancer leaves out as the default.
            if node.weight == 1 { output.append(",\"weight\":1") }
            if node.condition == .enabled { output.append(",\"condition\":\"ENABLED\"") }
            if weights.indices.contains(place) {
                output.append(",\"weight_now\":")
                output.append(decimal: UInt64(weights[place]))
            }
            if let count = connections[node.id] {
                output.append(",\"connections\":")
                output.append(decimal: count)
            }
            guard let status = isInOrder ? nodes[place] : byID[node.id] else { return }
            output.append(status.isUp ? ",\"status\":\"UP\",\"state\":\"" : ",\"status\":\"DOWN\",\"state\":\"")
            output.append(status.state.rawValue)
            output.append("\"")
            if let reason = status.reason {
                output.append(",\"reason\":")
                output.append(json: reason)
            }
            if let since = status.since {
                output.append(",\"since\":\"")
                output.append(time: since)
                output.append("\"")
            }
        }
    }
}

extension JournalEntry {
    /// The entry as an object.
    var text: String {
        JSONWriting.object([
            "revision": String(revision), "time": JSONWriting.string(time.text), "source": JSONWriting.string(cause),
            "origin": JSONWriting.string(origin), "what": JSONWriting.string(what), "outcome": JSONWriting.string(outcome),
        ])
    }
}
