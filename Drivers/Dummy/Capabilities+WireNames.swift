import LBaaS

extension Capabilities {
    /// The yes-or-no capabilities by name. Those that no value on the wire stands for go by the name of their field.
    private static let switches: KeyValuePairs<String, any WritableKeyPath<Capabilities, Bool> & Sendable> = [
        "SOURCE_IP": \.sourcePersistence,
        "HTTP_COOKIE": \.cookiePersistence,
        "FORWARDING": \.forwarding,
        "QUORUM": \.quorum,
        "PANIC_PERCENT": \.panicThreshold,
        "NODE_TRANSITIONS": \.nodeTransitions,
        "SORRY_SERVER": \.sorryServer,
        "EVERY_ADDRESS": \.everyAddress,
        "HOST_NAMES": \.hostNames,
        "ARCHIVE": \.archive,
    ]

    /// Every name that `remove(named:)` knows, for an operator to choose from.
    static var wireNames: String {
        let values = ServiceProtocol.allCases.map(\.rawValue) + Algorithm.allCases.map(\.rawValue) + Monitor.Kind.allCases.map(\.rawValue)
        var seen: Set<String> = []
        return (values + switches.map(\.key)).filter { seen.insert($0).inserted }.joined(separator: ", ")
    }

    /// Takes out everything that goes by this name: `SOURCE_IP` is an algorithm and a persistence, `HTTP` a protocol and a monitor.
    ///
    /// - Returns: false where nothing goes by it.
    mutating func remove(named name: String) -> Bool {
        var isKnown = false
        if let known = ServiceProtocol(rawValue: name) {
            protocols.remove(known)
            isKnown = true
        }
        if let known = Algorithm(rawValue: name) {
            algorithms.remove(known)
            isKnown = true
        }
        if let known = Monitor.Kind(rawValue: name) {
            monitors.remove(known)
            isKnown = true
        }
        for (known, path) in Self.switches where known == name {
            self[keyPath: path] = false
            isKnown = true
        }
        return isKnown
    }
}
