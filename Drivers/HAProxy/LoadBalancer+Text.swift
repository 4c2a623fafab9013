import LBaaS

extension LoadBalancer {
    /// The first line of its section. Suspended it is nothing but its name and number: a backend, which listens nowhere.
    var opening: String { "\(isSuspended ? "backend" : "listen") \(ApplianceName(id))\n" }

    /// All that haproxy cannot change while it runs.
    func structure(with base: BaseConfiguration) -> String {
        isSuspended
            ? opening
            : opening + settings(with: base)
                + (checkWords + base.words(ofAuthorities: namedAuthorities) + sessionWords(isBackup: false)).joined(separator: " ")
    }

    /// Its section but for the servers.
    func settings(with base: BaseConfiguration) -> String {
        let nature = ["log-tag \(ApplianceName(id))", modeLine] + bindLines(with: base) + [balanceLine] + protocolLines
        let lines = nature + persistenceLines + timeoutLines + monitorLines
        return lines.flatMap { $0.split(separator: "\n") }.map { "    \($0)\n" }.joined()
    }

    /// Whether it speaks HTTP; all else is carried as it is.
    private var isHTTP: Bool { serviceProtocol == .http }

    /// How a client stays with its node, with what the original did where the client left it open.
    var persistence: SessionPersistence {
        if let sessionPersistence { return sessionPersistence }
        switch serviceProtocol {
        case .http: return .httpCookie
        case .tcp, .https: return .sourceIP(timeout: 1800)
        case .galera, .udp, .sctp: return .none
        }
    }

    /// Its check; without a monitor the original's, a connection every 30 s.
    private var check: Monitor { monitor ?? Monitor(kind: .connect) }

    private var modeLine: String { "mode \(isHTTP ? "http" : "tcp")\noption \(isHTTP ? "httplog" : "tcplog")" }

    private func bindLines(with base: BaseConfiguration) -> [String] {
        guard let address else {
            // Two sockets and not one for both families, which a host without IPv6 could not open.
            return ["bind 0.0.0.0:\(port)"] + (base.hasIPv6 ? ["bind [::]:\(port) v6only"] : [])
        }
        let place = Endpoint(host: .address(address), port: port).description
        if address.isUnspecified { return [address == .v4(0) ? "bind \(place)" : "bind \(place) v6only"] }
        // An address that is not there must not keep haproxy from being loaded or started: that of a virtual IP comes and goes.
        return ["bind \(place) transparent"]
    }

    private var balanceLine: String {
        switch algorithm {
        case .leastConnections: "balance leastconn"
        // Only a consistent hash lets servers come and go, and change their weight, while haproxy runs.
        case .sourceIP: "balance source\nhash-type consistent"
        case .roundRobin, .maglev, .shortestExpectedDelay, .neverQueue: "balance roundrobin"
        }
    }

    private var protocolLines: [String] { isHTTP ? ["option httpclose", "option forwardfor"] : [] }

    private var persistenceLines: [String] {
        switch persistence {
        case .none: []
        // haproxy gives no cookie of our choice to a server that it is given while it runs, but one made of this key and its address.
        case .httpCookie: ["cookie SERVERID insert indirect nocache dynamic", "dynamic-cookie-key \(ApplianceName(id))"]
        case .sourceIP(let timeout): ["stick-table type ipv6 size 200k expire \(timeout)s peers lbaas", "stick on src"]
        }
    }

    private var timeoutLines: [String] {
        [
            "timeout client \(timeouts.client)", "timeout server \(timeouts.server)", "timeout connect \(timeouts.connect)",
            "timeout check \(check.timeout)s", "retries \(timeouts.connectRetries)", "option redispatch",
        ]
    }

    private var monitorLines: [String] {
        guard check.kind == .http || check.kind == .https else { return [] }
        let request = "http-check send meth \(word(check.method ?? "GET")) uri \(word(check.path)) ver HTTP/1.1 hdr Host"
        let codes = check.expectedCodes.isEmpty ? [200...399] : check.expectedCodes
        let list = codes.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        let expectation = "http-check expect status \(list.joined(separator: ","))"
        // A host is a format of haproxy's, in which % begins a variable.
        if let host = check.host {
            return ["option httpchk", "\(request) \(word(host.replacing("%", with: "%%")))", expectation]
        }
        // Without a host it is the address and the port that are checked. The address is in brackets but where it is of IPv4: there is
        // no mask of 32 bits of other addresses, so that the second line then leaves the variable as it is. A regular expression would
        // not do: haproxy compiles it to machine code, which the unit of the worker does not allow (`MemoryDenyWriteExecute`).
        return [
            "option httpchk", "http-check set-var-fmt(check.host) '[%[bc_dst]]'", "http-check set-var(check.host) bc_dst,ipmask(32)",
            "\(request) '%[var(check.host)]:%[bc_dst_port]'", expectation,
        ]
    }

    /// How each node is checked: words of its server, but for the file of authorities.
    var checkWords: [String] {
        var words = ["check", "inter", "\(check.delay)s", "rise", "\(check.rise ?? check.attempts)", "fall", "\(check.attempts)"]
        if let address = check.address { words += ["addr", HostAddress.address(address).inURL] }
        if let port = check.port { words += ["port", "\(port)"] }
        return check.kind == .https || check.kind == .tls ? words + tlsWords : words
    }

    private var tlsWords: [String] {
        let tls = check.tls
        // A file that is named is the server's: `Server.words`.
        let system = tls.authorities == nil ? ["ca-file", "@system-ca"] : []
        let words = ["check-ssl", "verify"] + (tls.isVerified ? ["required"] + system : ["none"])
        // A certificate is held against the name that the node is told, which cannot be an address.
        guard let name = tls.serverName ?? hostName(inHeader: check.host), IPAddress(name) == nil else { return words }
        return words + ["check-sni", word(name)]
    }

    /// How many passed and failed checks turn a node.
    var riseAndFall: (rise: UInt32, fall: UInt32) { (check.rise ?? check.attempts, check.attempts) }

    /// What becomes of the connections of a server that turns down or up: words of the node's server.
    ///
    /// GALERA has one writer at a time. What still writes to a node that is down, or to a backup when the node is back, is ended.
    private func sessionWords(isBackup: Bool) -> [String] {
        guard serviceProtocol == .galera else { return [] }
        return ["on-marked-down", "shutdown-sessions"] + (isBackup ? [] : ["on-marked-up", "shutdown-backup-sessions"])
    }

    /// Its servers: the nodes, and behind them who answers when none of them can.
    var servers: [Server] {
        // A name that stands for several addresses gives each node with the same port one of its own. With other ports they share one.
        let named = nodes.lazy.map(\.endpoint).filter { if case .name = $0.host { true } else { false } }
        let repeated = Dictionary(named.map { ($0, 1) }, uniquingKeysWith: +).filter { $0.value > 1 }
        return nodes.map { server(of: $0, sharesAddress: repeated[$0.endpoint] == nil) }
            + (sorryServer.map { [Server(sorryServer: $0)] } ?? [])
    }

    /// The server that a node is.
    ///
    /// - Parameter sharesAddress: whether another node may have the address that its name resolves to.
    func server(of node: Node, sharesAddress: Bool = true) -> Server {
        Server(
            node, checkWords: checkWords + sessionWords(isBackup: node.isBackup), authorities: namedAuthorities,
            sharesAddress: sharesAddress)
    }
}

/// A server of haproxy's.
struct Server: Hashable, Sendable {
    let name: ApplianceName
    let endpoint: Endpoint
    let weight: UInt16
    let isBackup: Bool
    let condition: Node.Condition
    private let checkWords: [String]
    /// The file of authorities that its check needs.
    private let authorities: String?
    private let sharesAddress: Bool

    fileprivate init(_ node: Node, checkWords: [String], authorities: String?, sharesAddress: Bool) {
        name = ApplianceName(node.id)
        endpoint = node.endpoint
        weight = node.weight
        isBackup = node.isBackup
        condition = node.condition
        self.checkWords = checkWords
        self.authorities = authorities
        self.sharesAddress = sharesAddress
    }

    /// A sorry server is taken to be there.
    fileprivate init(sorryServer: Endpoint) {
        name = .sorryServer
        endpoint = sorryServer
        weight = 1
        isBackup = true
        condition = .enabled
        checkWords = []
        authorities = nil
        sharesAddress = true
    }

    /// Its line in the file, behind its name. That it drains stands in the state file: the configuration knows no word for it.
    func words(with base: BaseConfiguration) -> String {
        var words = plainWords(with: base)
        if isBackup { words.append("backup") }
        if condition == .disabled { words.append("disabled") }
        if isNamed {
            // The address comes from the state file. haproxy does not look a name up while it loads: that would hold up everything.
            words += ["init-addr", "last,none"]
            if !base.nameServers.isEmpty {
                words += ["resolvers", "lbaas"]
                if sharesAddress { words += ["resolve-opts", "allow-dup-ip"] }
            }
        }
        return words.joined(separator: " ")
    }

    /// The command that gives it to a running haproxy, disabled.
    func addition(to proxy: ApplianceName, with base: BaseConfiguration) -> String {
        let words = plainWords(with: base) + (isBackup ? ["backup"] : [])
        return "add server \(proxy)/\(name) \(words.joined(separator: " "))"
    }

    /// What it is told in the file and by a command.
    private func plainWords(with base: BaseConfiguration) -> [String] {
        [endpoint.description, "weight", "\(weight)"] + checkWords + base.words(ofAuthorities: authorities)
    }

    /// Whether its address is a name.
    var isNamed: Bool {
        if case .name = endpoint.host { true } else { false }
    }
}

extension BaseConfiguration {
    /// How a server is told the file of authorities that its check needs.
    fileprivate func words(ofAuthorities path: String?) -> [String] { path.map { ["ca-file", word(authorities($0))] } ?? [] }
}
