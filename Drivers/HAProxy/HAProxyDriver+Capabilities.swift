import HostSystem
import LBaaS

extension Capabilities {
    /// What haproxy does of PROTOCOL.md.
    static var haproxy: Capabilities {
        var capabilities = Capabilities()
        capabilities.protocols = [.http, .https, .tcp, .galera]
        capabilities.algorithms = [.roundRobin, .leastConnections, .sourceIP]
        // Not from an address of their own: haproxy's `source` is that of the traffic too.
        capabilities.monitors = [.connect, .http, .https, .tls]
        capabilities.sourcePersistence = true
        capabilities.cookiePersistence = true
        capabilities.sorryServer = true
        capabilities.quorum = true
        capabilities.everyAddress = true
        capabilities.hostNames = true
        capabilities.archive = true
        return capabilities
    }
}

extension LoadBalancer {
    /// The longest time that haproxy counts, in s: it has 31 bits for ms.
    private static let longestTime: UInt32 = 2_147_483
    /// The most servers that haproxy's weighted round robin chooses among.
    private static let mostNodes = 4095

    /// Why haproxy cannot run it.
    var refusal: (field: String, reason: String)? {
        if let refusal = Self.refusal(of: id, field: "id") { return refusal }
        if let address, let reason = PortCheck.refusal(of: address) { return ("address", reason) }
        if nodes.count > Self.mostNodes {
            return ("nodes", "\(nodes.count) nodes are more than haproxy balances, which is \(Self.mostNodes)")
        }
        for (index, node) in nodes.enumerated() {
            if let refusal = Self.refusal(of: node.id, field: "nodes[\(index)].id") { return refusal }
        }
        switch sessionPersistence {
        case .httpCookie? where serviceProtocol != .http:
            return ("sessionPersistence.type", "HTTP_COOKIE needs protocol HTTP, for \(serviceProtocol.rawValue) is not looked into")
        case .sourceIP(let timeout)? where timeout > Self.longestTime:
            return ("sessionPersistence.timeout", "\(timeout) s are more than haproxy counts, which is \(Self.longestTime) s")
        default: return monitor?.refusal
        }
    }

    private static func refusal(of id: some Identifier, field: String) -> (field: String, reason: String)? {
        let length = ApplianceName(id).text.utf8.count
        if length <= ApplianceName.longest { return nil }
        return (field, "it is too long for haproxy: its name there has \(length) bytes, and \(ApplianceName.longest) are the most")
    }
}

extension TLS {
    /// Why haproxy cannot hold certificates against these authorities. It opens the file without care, when it loads its configuration.
    fileprivate var refusal: (field: String, reason: String)? {
        if let serverName, serverName.utf8.count > 255 { return ("monitor.server_name", "it has more than 255 bytes") }
        guard isVerified, let authorities, let reason = CertificateFiles.refusal(of: authorities) else { return nil }
        return ("monitor.ca_file", reason)
    }
}

extension Monitor {
    /// The longest path of a check, in bytes. A whole request must fit into haproxy's buffer (`tune.bufsize`, 16384) without what it keeps
    /// for rewriting (`tune.maxrewrite`, 1024); a longer one is never sent, and nobody says so.
    private static let longestPath = 8192
    /// The longest other text of a request, in bytes.
    private static let longestWord = 255

    /// Why haproxy cannot check so. It takes no care itself of what it sends, and a blank in a request's first line ends a word.
    fileprivate var refusal: (field: String, reason: String)? {
        if kind == .https || kind == .tls, let refusal = tls.refusal { return refusal }
        guard kind == .http || kind == .https else { return nil }
        if host == "" { return ("monitor.host", "it is empty; leave it out for the address of each node") }
        let texts = [("path", path, Self.longestPath), ("host", host ?? "", Self.longestWord), ("method", method ?? "", Self.longestWord)]
        for (field, text, longest) in texts where text.utf8.count > longest {
            return ("monitor.\(field)", "it has \(text.utf8.count) bytes, and haproxy sends at most \(longest)")
        }
        if let bad = Self.firstBad(in: path) { return ("monitor.path", "\(quoted(bad)) cannot stand in a request; write it as %XX") }
        if let host, let bad = Self.firstBad(in: host) { return ("monitor.host", "\(quoted(bad)) cannot stand in a host") }
        return nil
    }

    /// A blank or what is not ASCII; nil where there is nothing of it.
    private static func firstBad(in text: String) -> String? {
        text.unicodeScalars.first { !(0x21...0x7E).contains($0.value) }.map { String($0) }
    }
}
