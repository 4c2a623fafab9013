import JSON
import LBaaS

extension EventQueue.Entry {
    /// The event as the program reads it: one JSON object in UTF-8, and a line end.
    ///
    ///     {"event": "DOWN", "initial": false, "loadBalancer": "71", "address": "10.9.0.1", "port": 80, "transport": "tcp",
    ///      "weight": 2, "quorum": 3, "reason": "weight 2 of 5, quorum 3", "time": "2026-11-21T00:43:48.123Z"}
    ///
    /// - `event`: `UP` or `DOWN`.
    /// - `initial`: true where it tells how the service is at the start of the worker, which may be nothing new.
    /// - `loadBalancer`: its identity, a string.
    /// - `address`: where it listens, null for every address of the host; `port`; `transport`: `tcp`, `udp` or `sctp`.
    /// - `weight`: the weight in service; `quorum`: the weight that it needs, null for any.
    /// - `reason`: why, in words, or null; `time`: since when, in UTC.
    var json: [UInt8] {
        var time: [UInt8] = []
        event.time.append(to: &time, separator: "T", fractionDigits: 3)
        let listener = event.service.listener
        let object = JSONWriting.object([
            "event": JSONWriting.string(event.kind.rawValue),
            "initial": isInitial ? "true" : "false",
            "loadBalancer": JSONWriting.string(event.service.loadBalancer.text),
            "address": listener.address.map { JSONWriting.string($0.description) } ?? "null",
            "port": String(listener.port),
            "transport": JSONWriting.string(listener.transport.rawValue),
            "weight": String(event.weight),
            "quorum": event.quorum.map { String($0) } ?? "null",
            "reason": event.reason.map(JSONWriting.string) ?? "null",
            "time": JSONWriting.string(String(decoding: time, as: UTF8.self) + "Z"),
        ])
        return Array((object + "\n").utf8)
    }
}
