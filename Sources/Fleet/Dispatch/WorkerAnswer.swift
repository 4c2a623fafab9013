import JSON

/// What a worker answers.
struct WorkerAnswer: Sendable, Equatable {
    /// How a load balancer has carried traffic.
    struct Traffic: Sendable, Equatable {
        let id: String
        /// All bytes that were sent to clients, and received from them, and all connections that they made; 0 where an old worker does not tell.
        let bytesOut, bytesIn, connections: Int
        /// Connections now; nil where that is not known.
        let active: Int?
    }

    /// Why it failed; nil where it passed.
    var error: String?
    /// The sentences of all parts that are refused, where there are several.
    var refusals: [String] = []
    /// The newest revision of this front that the worker has, where it refuses an older one.
    var revision: Int?
    /// The version of the worker, and its driver.
    var version, driver: String?
    /// Whether nodes are up, by their ids, by the ids of their load balancers.
    var nodes: [String: [String: Bool]] = [:]
    /// Traffic.
    var traffic: [Traffic] = []

    /// What is no answer of a worker.
    static let unreadable = WorkerAnswer(error: "its answer is not one of a worker")

    private init(error: String?) { self.error = error }

    /// Reads an answer.
    init(_ bytes: [UInt8], _ tokenizer: JSONTokenizer) {
        let read = try? tokenizer.withDocument(unsafe bytes.span.bytes) { document in
            document.root.isObject ? WorkerAnswer(document.root) : nil
        }
        self = (read ?? nil) ?? .unreadable
    }

    private init(_ object: JSONValue) {
        let isPass = object["hpcs_response"]?.equals("PASS") ?? false
        if !isPass { error = object.text("hpcs_error") ?? "it failed without a reason" }
        // Everything was deleted: then there is nothing to report.
        if object["status"]?.equals("DELETED") ?? false { error = nil }
        (version, driver) = (object.text("version"), object.text("driver"))
        if !isPass {
            revision = object["hpcs_revision"]?.integer
            refusals = object.elements(of: "hpcs_refusals").compactMap(\.string)
        }
        guard error == nil else { return }
        for node in object.elements(of: "nodes") {
            guard let id = node.text("id"), let loadBalancer = node.text("loadBalancer") else { continue }
            nodes[loadBalancer, default: [:]][id] = node["status"]?.equals("UP") ?? false
        }
        for entry in object.elements(of: "loadBalancers") {
            guard let id = entry.text("id"), let bytesOut = entry["bytes_out_total"]?.integer else { continue }
            traffic.append(
                Traffic(
                    id: id, bytesOut: bytesOut, bytesIn: entry["bytes_in_total"]?.integer ?? 0,
                    connections: entry["connections_total"]?.integer ?? 0, active: entry["connections"]?.integer))
        }
    }
}

/// The part of a job that a worker refuses, as its sentence begins with the path: `loadBalancers[3].port: …`.
struct RefusedPlace: Equatable {
    /// Whether it is one of `virtualIPs`.
    let isVirtualIP: Bool
    /// Its place in the list.
    let index: Int
    /// The sentence without the place, which means nothing to whoever reads it: `port: …`.
    let sentence: String

    /// Reads a sentence; nil where it is about no part of the job.
    init?(_ text: String) {
        guard let match = text.prefixMatch(of: #/(loadBalancers|virtualIPs)\[([0-9]{1,9})\](\.|:)? ?/#), let index = Int(match.2) else {
            return nil
        }
        isVirtualIP = match.1 == "virtualIPs"
        self.index = index
        sentence = String(text[match.range.upperBound...])
    }
}
