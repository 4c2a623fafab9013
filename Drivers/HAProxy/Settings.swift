import LBaaS

/// The keys of the section `[worker:haproxy]`.
enum Key: String, CaseIterable {
    case mode, program, unit
    case runFolder = "run_dir"
    case configurationFile = "config"
    case masterSocket = "master_socket"
    case resolvers, global, defaults
    case logFolder = "log_dir"
    case logLimit = "log_limit"
    case archiveEndpoints = "archive_endpoints"
    case resyncInterval = "resync_interval"
    case reloadTimeout = "reload_timeout"

    /// What the key means, for `etc/lbaas.conf` and `--help`.
    var meaning: String {
        switch self {
        case .mode: "who runs haproxy: master, where the worker starts it and it outlives the worker, or systemd; default master"
        case .program: "the haproxy to run, and to check configurations with; default haproxy"
        case .unit: "the unit to reload in mode systemd; default haproxy.service"
        case .runFolder: "the folder of the sockets; default /run/lbaas/haproxy"
        case .configurationFile: "haproxy's configuration file; default /var/lib/lbaas/haproxy/haproxy.cfg"
        case .masterSocket: "the socket of haproxy's master; default master.sock in run_dir, and /run/haproxy-master.sock in mode systemd"
        case .resolvers: "name servers that haproxy asks for nodes' addresses again and again: a list of HOST:PORT; none by default"
        case .global: "lines to add to the section global; each line of the value is one"
        case .defaults: "lines to add to the section defaults; each line of the value is one"
        case .logFolder: "the folder of the load balancers' logs until they are archived; default logs beside config"
        case .logLimit: "MiB that a load balancer's log may have, 1 to 1048576; the oldest lines go where it has more; default 64"
        case .archiveEndpoints:
            "the object stores that ARCHIVE may send to: a list of HOST[:PORT] and ADDRESS/LENGTH; by default every one that is not this host's own address, link-local (a metadata service) or multicast"
        case .resyncInterval: "seconds between two looks whether haproxy still runs what it should, 1 to 3600; default 30"
        case .reloadTimeout: "seconds that haproxy may take to load a new configuration, 1 to 600; default 30"
        }
    }
}

/// What the section `[worker:haproxy]` says.
struct Settings: Sendable {
    /// Who runs haproxy.
    enum Mode: Hashable, Sendable {
        /// The worker does.
        case master
        /// systemd does, as this unit.
        case systemd(unit: String)
    }

    var mode: Mode
    var program: String
    var site: Site
    /// Where the load balancers' logs are kept until they are archived.
    var logFolder: String
    /// How many bytes a load balancer's log may have.
    var logLimit: UInt64
    /// Which object stores ARCHIVE may send to.
    var archiveEndpoints: ArchiveEndpoints
    var resyncInterval: Duration
    var reloadTimeout: Duration

    /// A Unix socket's path has 107 bytes at most, and haproxy adds to it while it makes a new one.
    private static let longestSocket = 90

    /// Reads the section. Nothing on the host is looked at or touched.
    init(_ section: DriverConfiguration) throws(DriverConfiguration.Failure) {
        switch section[Key.mode.rawValue] {
        case nil, "master": mode = .master
        case "systemd": mode = .systemd(unit: section[Key.unit.rawValue] ?? "haproxy.service")
        case let text?: throw .init(.mode, "\(quoted(text)) is neither 'master' nor 'systemd'")
        }
        if mode == .master, section[Key.unit.rawValue] != nil { throw .init(.unit, "only mode systemd has a unit") }
        program = section[Key.program.rawValue] ?? "haproxy"
        let runFolder = try section.path(.runFolder) ?? "/run/lbaas/haproxy"
        let masterSocket = try section.path(.masterSocket)
        site = Site(
            runFolder: runFolder,
            configurationFile: try section.path(.configurationFile) ?? "/var/lib/lbaas/haproxy/haproxy.cfg",
            masterSocket: masterSocket ?? (mode == .master ? runFolder + "/master.sock" : "/run/haproxy-master.sock"))
        for (key, socket) in [(Key.runFolder, site.commandSocket), (.masterSocket, site.masterSocket)]
        where socket.utf8.count > Self.longestSocket {
            throw .init(key, "the socket \(quoted(socket)) has a path of more than \(Self.longestSocket) bytes; choose a shorter folder")
        }
        site.logsByPipe = mode == .master
        logFolder = try section.path(.logFolder) ?? WholeFile(path: site.configurationFile).folder + "/logs"
        logLimit = UInt64(try section.number(.logLimit, "MiB", 1...1_048_576) ?? 64) << 20
        archiveEndpoints = try section.endpoints(.archiveEndpoints) ?? .usual
        site.globalLines = try section.lines(.global)
        site.defaultsLines = try section.lines(.defaults)
        site.nameServers = try section.nameServers
        resyncInterval = .seconds(try section.number(.resyncInterval, "seconds", 1...3600) ?? 30)
        reloadTimeout = .seconds(try section.number(.reloadTimeout, "seconds", 1...600) ?? 30)
    }
}

extension DriverConfiguration {
    /// An absolute path without a slash at its end.
    fileprivate func path(_ key: Key) throws(Failure) -> String? {
        guard let text = self[key.rawValue] else { return nil }
        guard text.hasPrefix("/"), text.count > 1 else { throw .init(key, "\(quoted(text)) is not an absolute path") }
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw .init(key, "\(quoted(text)) has control characters")
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    /// The lines of a value. None can open a section of its own: that would take in what follows of ours.
    fileprivate func lines(_ key: Key) throws(Failure) -> [String] {
        let lines = (self[key.rawValue] ?? "").split(whereSeparator: \.isNewline).map { line in
            String(line.drop(while: \.isWhitespace))
        }
        for line in lines {
            let first = line.prefix { !$0.isWhitespace }
            if Self.sections.contains(String(first)) { throw .init(key, "\(quoted(line)) begins another section") }
        }
        return lines.filter { !$0.isEmpty }
    }

    private static let sections: Set<String> = [
        "global", "defaults", "listen", "frontend", "backend", "peers", "resolvers", "mailers", "userlist", "program", "cache", "ring",
        "http-errors", "fcgi-app", "log-forward",
    ]

    fileprivate var nameServers: [String] {
        get throws(Failure) {
            let servers = list(Key.resolvers.rawValue)
            for server in servers {
                guard let colon = server.lastIndex(of: ":"), UInt16(server[server.index(after: colon)...]) ?? 0 > 0,
                    IPAddress(String(server[..<colon].drop { $0 == "[" }.prefix { $0 != "]" })) != nil
                else { throw .init(.resolvers, "\(quoted(server)) is not ADDRESS:PORT, with an IPv6 address in brackets") }
            }
            return servers
        }
    }

    fileprivate func endpoints(_ key: Key) throws(Failure) -> ArchiveEndpoints? {
        guard self[key.rawValue] != nil else { return nil }
        do throws(ArchiveEndpoints.NotAnEndpoint) {
            return try ArchiveEndpoints(list(key.rawValue))
        } catch {
            throw .init(key, "\(quoted(error.text)) is neither HOST[:PORT], with an IPv6 address in brackets, nor ADDRESS/LENGTH")
        }
    }

    fileprivate func number(_ key: Key, _ unit: String, _ range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let text = self[key.rawValue] else { return nil }
        guard let number = Int(text), range ~= number else {
            throw .init(key, "\(quoted(text)) is not a number of \(unit) from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}

extension DriverConfiguration.Failure {
    /// A value that is not accepted, and why.
    init(_ key: Key, _ message: String) { self.init(key: key.rawValue, message: message) }
}
