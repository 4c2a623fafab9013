import JSON

/// The jobs that a worker gets, as text.
enum WorkerJob {
    /// The whole wanted state of a worker.
    ///
    /// - Parameters:
    ///   - front: the id of the store.
    ///   - virtualIPs: nil to leave those that the worker has as they are.
    static func update(front: String, revision: Int, loadBalancers: [[UInt8]], virtualIPs: [[UInt8]]?) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(200 + (loadBalancers + (virtualIPs ?? [])).reduce(0) { $0 + $1.count + 1 })
        text += "{\"hpcs_action\":\"UPDATE\",\"hpcs_front\":\(JSONWriting.string(front)),\"hpcs_revision\":\(revision)".utf8
        text += ",\"loadBalancers\":[".utf8
        append(loadBalancers, to: &text)
        if let virtualIPs {
            text += ",\"virtualIPs\":[".utf8
            append(virtualIPs, to: &text)
        }
        text.append(UInt8(ascii: "}"))
        return text
    }

    private static func append(_ entries: [[UInt8]], to text: inout [UInt8]) {
        for (place, entry) in entries.enumerated() {
            if place > 0 { text.append(UInt8(ascii: ",")) }
            text += entry
        }
        text.append(UInt8(ascii: "]"))
    }

    /// How nodes are.
    static let stats = Array(#"{"hpcs_action":"STATS"}"#.utf8)
    /// How much traffic there was.
    static let metrics = Array(#"{"hpcs_action":"METRICS","hpcs_totals":true}"#.utf8)
    /// Which version and driver the worker has.
    static let discover = Array(#"{"hpcs_action":"DISCOVER","hpcs_details":true}"#.utf8)
}
