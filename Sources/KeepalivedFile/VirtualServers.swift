import JSON
import LBaaS

/// A real_server.
struct RealServer {
    let statement: KeepalivedStatement
    let address: IPAddress
    var port: UInt16
    var weight = 1
    var check: Check?

    var endpoint: Endpoint { Endpoint(host: .address(address), port: port) }
}

/// A virtual_server: a load balancer, or several that differ in where they listen.
struct VirtualServer {
    let statement: KeepalivedStatement
    var listeners: [Endpoint] = []
    var transport = "TCP"
    /// The scheduler, as keepalived names it.
    var scheduler = "wlc"
    var forwarding = "NAT"
    var tunnel: [(field: String, value: String)] = []
    /// The seconds of the persistence; nil for none.
    var persistence: Int?
    var quorum: Int?
    var hysteresis: Int?
    var sorryServer: (statement: KeepalivedStatement, endpoint: Endpoint)?
    var nodes: [RealServer] = []
    var endpoints: Set<Endpoint> = []
    var common = CheckDefaults()
    /// The check of all nodes.
    var check: Check?

    /// Whether packets keep their port on the way to a node.
    var keepsPort: Bool { forwarding != "NAT" }

    init(_ statement: KeepalivedStatement) { self.statement = statement }
}

extension Translation {
    static let algorithms = [
        "rr": "ROUND_ROBIN", "wrr": "ROUND_ROBIN", "lc": "LEAST_CONNECTIONS", "wlc": "LEAST_CONNECTIONS", "sh": "SOURCE_IP",
        "mh": "MAGLEV", "sed": "SHORTEST_EXPECTED_DELAY", "nq": "NEVER_QUEUE",
    ]

    /// The most load balancers of a result.
    static let mostServices = 10_000

    mutating func readVirtualServer(_ statement: KeepalivedStatement) {
        var server = VirtualServer(statement)
        server.listeners = listeners(of: statement)
        if server.listeners.isEmpty { return }
        serviceCount += server.listeners.count
        if serviceCount > Self.mostServices {
            note(statement, "is not translated; more than \(Self.mostServices) load balancers are too many for one file")
            return
        }
        let parts = statement.block ?? []
        // What real servers take from their virtual server may be behind them.
        for part in parts where part.keyword != "real_server" { read(part, into: &server) }
        for part in parts where part.keyword == "real_server" { readRealServer(part, into: &server) }
        let weights = Set(server.nodes.map(\.weight))
        if ["rr", "lc"].contains(server.scheduler), weights.count > 1 {
            note(statement, "\(server.scheduler) heeds no weights, \(Self.algorithms[server.scheduler] ?? "") does; the nodes keep theirs")
        }
        server.check = commonCheck(of: server)
        servers.append(server)
    }

    private mutating func read(_ part: KeepalivedStatement, into server: inout VirtualServer) {
        let value = part.values.first ?? ""
        switch part.keyword {
        case "lb_algo", "lvs_sched":
            server.scheduler = value
            if Self.algorithms[value] == nil { note(part, "'\(value.prefix(100))' becomes LEAST_CONNECTIONS") }
        case "lb_kind", "lvs_method": readForwarding(part, into: &server)
        case "protocol":
            let transport = value.uppercased()
            if ["TCP", "UDP", "SCTP"].contains(transport) { server.transport = transport } else { note(part) }
        case "persistence_timeout":
            server.persistence = part.values.isEmpty ? 360 : number(part, 0...2_678_400).flatMap { $0 == 0 ? nil : $0 }
        case "quorum": server.quorum = number(part, 1...2_147_483_647)
        case "hysteresis": server.hysteresis = number(part, 0...2_147_483_647)
        case "sorry_server":
            if let endpoint = endpoint(part, words: part.values) { server.sorryServer = (part, endpoint) }
        default: if !take(part, into: &server.common) { note(part) }
        }
    }

    private mutating func readForwarding(_ part: KeepalivedStatement, into server: inout VirtualServer) {
        var words = part.values
        switch words.popFirst() {
        case "NAT": server.forwarding = "NAT"
        case "DR": server.forwarding = "DIRECT"
        case "TUN":
            (server.forwarding, server.tunnel) = ("TUNNEL", [])
            while let word = words.popFirst() {
                switch (word, words.first) {
                case ("type", let type?) where ["ipip", "gue", "gre"].contains(type):
                    server.tunnel.append(("type", words.removeFirst().uppercased()))
                case ("port", let port?) where UInt16(port) ?? 0 > 0: server.tunnel.append(("port", words.removeFirst()))
                case ("csum", _): server.tunnel.append(("checksum", "true"))
                case ("nocsum", _): break
                default: note(part, "'\(word.prefix(100))' is not translated")
                }
            }
        default: note(part, "is not translated; it is NAT")
        }
    }

    private mutating func readRealServer(_ statement: KeepalivedStatement, into server: inout VirtualServer) {
        guard let endpoint = endpoint(statement, words: statement.values), case .address(let address) = endpoint.host else { return }
        var node = RealServer(statement: statement, address: address, port: endpoint.port)
        var common = server.common
        var checks: [KeepalivedStatement] = []
        for part in statement.block ?? [] {
            switch part.keyword {
            case "weight":
                node.weight = min(number(part, 0...65535) ?? 1, 256)
                if node.weight == 256, part.values.first != "256" { note(part, "becomes 256, the highest there is") }
            case _ where part.keyword.hasSuffix("_CHECK") || part.keyword.hasSuffix("_GET"): checks.append(part)
            default: if !take(part, into: &common) { note(part) }
            }
        }
        for statement in checks {
            guard let check = check(statement, common) else { continue }
            if node.check != nil { note(statement, "is not translated; a node has one check") } else { node.check = check }
        }
        if !server.endpoints.insert(node.endpoint).inserted {
            note(statement, "is not translated; it is there twice")
            return
        }
        server.nodes.append(node)
    }

    /// The check of all nodes: that of the first that has one. A remark names each whose check is another.
    private mutating func commonCheck(of server: VirtualServer) -> Check? {
        let checked = server.nodes.filter { $0.check != nil }
        let ports = Set(checked.map { $0.check?.port ?? $0.port })
        let isOwnPort = !server.keepsPort && checked.allSatisfy { ($0.check?.port ?? $0.port) == $0.port }
        /// The check of a node without what it has of the node itself.
        func general(_ node: RealServer) -> Check? {
            guard var check = node.check else { return nil }
            let port = check.port ?? node.port
            check.port = isOwnPort || ports.count > 1 && !server.keepsPort && port == node.port ? nil : port
            if check.address == node.address { check.address = nil }
            return check
        }
        guard let common = checked.first.flatMap(general) else { return nil }
        for node in server.nodes where general(node) != common {
            let what = node.check == nil ? "it is checked as the first that has a check" : "its check becomes that of the first"
            note(node.statement, "\(what); a load balancer has one check for all its nodes")
        }
        return common
    }
}

// MARK: - Where they listen

extension Translation {
    /// The most addresses of a range.
    private static let longestRange: UInt64 = 256

    /// Where a virtual_server listens; nothing, with a remark, where that cannot be said.
    private mutating func listeners(of statement: KeepalivedStatement) -> [Endpoint] {
        switch statement.values.first {
        case "fwmark":
            note(statement, "is not translated; a load balancer has an address and a port, and no mark of the firewall")
            return []
        case "group":
            guard let group = statement.words.count > 2 ? groups[statement.words[2]] : nil else {
                note(statement, "is not translated; there is no such virtual_server_group")
                return []
            }
            var listeners: [Endpoint] = []
            for line in group.block ?? [] where listeners.count <= Self.mostServices { listeners += self.listeners(ofGroup: line) }
            return listeners
        default: return endpoint(statement, words: statement.values).map { [$0] } ?? []
        }
    }

    /// Where a line of a virtual_server_group says.
    private mutating func listeners(ofGroup line: KeepalivedStatement) -> [Endpoint] {
        guard line.keyword != "fwmark" else {
            note(line, "is not translated; a load balancer has an address and a port, and no mark of the firewall")
            return []
        }
        guard let port = line.values.first.flatMap({ UInt16($0) }), port > 0, let addresses = Self.range(line.keyword) else {
            note(line, "is not translated; it is not an address, or a range of at most \(Self.longestRange), and a port")
            return []
        }
        return addresses.map { Endpoint(host: .address($0), port: port) }
    }

    /// The addresses of `10.0.0.1`, `10.0.0.1-9`, `10.0.0.1-10.0.0.9` and `10.0.0.0/29`; nil for anything else.
    private static func range(_ text: String) -> [IPAddress]? {
        if let address = IPAddress(text) { return [address] }
        let ends = text.split(separator: "-", maxSplits: 1).map(String.init)
        if ends.count == 2, let first = IPAddress(ends[0]) {
            if let last = IPAddress(ends[1]) { return addresses(first, upTo: last) }
            switch first {
            case .v4(let bits): return UInt8(ends[1]).flatMap { addresses(first, upTo: .v4(bits & ~0xFF | UInt32($0))) }
            case .v6(let high, let low):
                return UInt16(ends[1], radix: 16).flatMap { addresses(first, upTo: .v6(high: high, low: low & ~0xFFFF | UInt64($0))) }
            }
        }
        let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2, case .v4(let bits) = IPAddress(parts[0]), let length = Int(parts[1]), (24...32).contains(length) else {
            return nil
        }
        let rest = UInt32(1) << UInt32(32 - length) - 1
        return addresses(.v4(bits & ~rest), upTo: .v4(bits | rest))
    }

    private static func addresses(_ first: IPAddress, upTo last: IPAddress) -> [IPAddress]? {
        switch (first, last) {
        case (.v4(let first), .v4(let last)) where last >= first && UInt64(last - first) < longestRange:
            (first...last).map { .v4($0) }
        case (.v6(let high, let first), .v6(let other, let last)) where high == other && last >= first && last - first < longestRange:
            (first...last).map { .v6(high: high, low: $0) }
        default: nil
        }
    }

    /// An address and a port; nil, with a remark, where the words are none.
    private mutating func endpoint(_ statement: KeepalivedStatement, words: ArraySlice<String>) -> Endpoint? {
        guard let address = words.first.flatMap({ IPAddress($0) }), let port = words.dropFirst().first.flatMap({ UInt16($0) }), port > 0
        else {
            note(statement, "is not translated; an address and a port are needed")
            return nil
        }
        return Endpoint(host: .address(address), port: port)
    }
}
