package import JSON
package import LBaaS

/// The newest wanted state that a worker has committed.
package struct SettledRecord: Hashable, Sendable {
    /// A part that the worker refused, and that was left out.
    package struct Refusal: Hashable, Sendable {
        /// The revision of the part.
        package let revision: Int
        /// The sentence of the worker.
        package let sentence: String

        /// A part that was refused.
        package init(revision: Int, sentence: String) { (self.revision, self.sentence) = (revision, sentence) }
    }

    /// The revision of the store up to which the worker has everything.
    package var revision: Int
    /// When it answered.
    package var time: Timestamp
    /// What it refused, by the ids of listeners, or by the addresses of virtual IPs.
    package var refused: [String: Refusal]
    /// Whether it was given virtual IPs, which are to be taken from it where it is to have none.
    package var hasVirtualIPs: Bool

    /// What a worker has committed.
    package init(revision: Int, time: Timestamp, refused: [String: Refusal] = [:], hasVirtualIPs: Bool = false) {
        (self.revision, self.time, self.refused, self.hasVirtualIPs) = (revision, time, refused, hasVirtualIPs)
    }

    /// The record as the store has it.
    package var json: [UInt8] {
        ObjectWriter.object { writer in
            writer.number("revision", revision)
            writer.time("time", time)
            if hasVirtualIPs { writer.number("virtual_ips", 1) }
            writer.object("refused") { list in
                for (id, refusal) in refused.sorted(by: { $0.key < $1.key }) {
                    list.object(named: id) {
                        $0.number("revision", refusal.revision)
                        $0.text("sentence", refusal.sentence)
                    }
                }
            }
        }
    }

    /// The same with shorter sentences, where there are so many that it is longer than a value of the store may be.
    package func fitting(_ size: Int) -> Self {
        var record = self
        for length in [200, 60, 0] where record.json.count > size {
            record.refused = refused.mapValues { Refusal(revision: $0.revision, sentence: String($0.sentence.prefix(length))) }
        }
        return record
    }

    /// Reads a record; nil where it is none.
    package init?(_ object: JSONValue) {
        guard let revision = object.number("revision"), let time = object.time("time") else { return nil }
        self.init(revision: revision, time: time, hasVirtualIPs: object.number("virtual_ips") == 1)
        guard let list = object["refused"], list.isObject else { return }
        for (name, value) in list.members {
            guard let id = name.string, let revision = value.number("revision") else { continue }
            refused[id] = Refusal(revision: revision, sentence: value.text("sentence") ?? "")
        }
    }
}

/// What is known of a worker.
package struct HostRecord: Hashable, Sendable {
    /// Since when it does not answer; nil for one that does.
    package var away: Timestamp?
    /// Its version and driver, as it said last; nil where it did not.
    package var version, driver: String?
    /// What went wrong last; nil for nothing.
    package var lastError: String?
    /// The revision of the state that it could not take as a whole, for the reason of `lastError`; nil where it took the last one.
    package var failedRevision: Int?

    /// A worker that answers.
    package init(
        away: Timestamp? = nil, version: String? = nil, driver: String? = nil, lastError: String? = nil, failedRevision: Int? = nil
    ) {
        (self.away, self.version, self.driver) = (away, version, driver)
        (self.lastError, self.failedRevision) = (lastError, failedRevision)
    }

    /// The record as the store has it.
    package var json: [UInt8] {
        ObjectWriter.object { writer in
            writer.time("away", away)
            writer.optional("version", version)
            writer.optional("driver", driver)
            writer.optional("last_error", lastError)
            writer.optional("failed_revision", failedRevision)
        }
    }

    /// Reads a record; nil where it is none.
    package init?(_ object: JSONValue) {
        guard object.isObject else { return nil }
        self.init(
            away: object.time("away"), version: object.text("version"), driver: object.text("driver"), lastError: object.text("last_error"),
            failedRevision: object.number("failed_revision"))
    }
}

/// The states of nodes on a worker, as its answer to STATS has them.
package struct OperatingRecord: Hashable, Sendable {
    /// Whether a node is up, by its id, by the id of its listener.
    package var nodes: [String: [String: Bool]]

    /// States of nodes.
    package init(nodes: [String: [String: Bool]] = [:]) { self.nodes = nodes }

    /// The record as the store has it.
    package var json: [UInt8] {
        ObjectWriter.object { writer in
            writer.object("nodes") { list in
                for (listener, states) in nodes.sorted(by: { $0.key < $1.key }) {
                    list.object(named: listener) { object in
                        for (node, isUp) in states.sorted(by: { $0.key < $1.key }) {
                            object.json(named: node, isUp ? "\"UP\"" : "\"DOWN\"")
                        }
                    }
                }
            }
        }
    }

    /// Reads a record; nil where it is none.
    package init?(_ object: JSONValue) {
        guard let list = object["nodes"], list.isObject else { return nil }
        var nodes: [String: [String: Bool]] = [:]
        for (name, value) in list.members where value.isObject {
            guard let listener = name.string else { continue }
            for (node, state) in value.members {
                if let node = node.string { nodes[listener, default: [:]][node] = state.equals("UP") }
            }
        }
        self.init(nodes: nodes)
    }
}

/// Counters of a listener on a worker.
package struct StatisticsRecord: Hashable, Sendable {
    /// Bytes from and to clients.
    package var bytesIn = 0, bytesOut = 0
    /// Connections since the beginning, and now.
    package var totalConnections = 0, activeConnections = 0
    /// Requests that failed.
    package var requestErrors = 0
    /// What the server that counts needs to count each byte once; nil for nothing.
    package var mark: String?

    /// Counters at zero.
    package init() {}

    /// The record as the store has it.
    package var json: [UInt8] {
        ObjectWriter.object { writer in
            writer.number("bytes_in", bytesIn)
            writer.number("bytes_out", bytesOut)
            writer.number("total_connections", totalConnections)
            writer.number("active_connections", activeConnections)
            writer.number("request_errors", requestErrors)
            writer.optional("mark", mark)
        }
    }

    /// Reads a record; nil where it is none.
    package init?(_ object: JSONValue) {
        guard let bytesIn = object.number("bytes_in"), let bytesOut = object.number("bytes_out") else { return nil }
        (self.bytesIn, self.bytesOut) = (bytesIn, bytesOut)
        totalConnections = object.number("total_connections") ?? 0
        activeConnections = object.number("active_connections") ?? 0
        requestErrors = object.number("request_errors") ?? 0
        mark = object.text("mark")
    }

    /// The counters of both.
    package static func + (left: Self, right: Self) -> Self {
        var sum = Self()
        sum.bytesIn = left.bytesIn &+ right.bytesIn
        sum.bytesOut = left.bytesOut &+ right.bytesOut
        sum.totalConnections = left.totalConnections &+ right.totalConnections
        sum.activeConnections = left.activeConnections &+ right.activeConnections
        sum.requestErrors = left.requestErrors &+ right.requestErrors
        return sum
    }
}
