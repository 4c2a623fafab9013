import LBaaS

/// A load balancer as haproxy runs it.
struct Proxy: Hashable, Sendable {
    /// The numbers of our proxies. Those that haproxy itself gives out are smaller.
    static let numbers: ClosedRange<UInt32> = 0x100_0000...0x7FFF_FFFF

    /// The load balancer.
    var loadBalancer: LoadBalancer
    /// What tells it from one of the same id that was deleted before: haproxy's id of the proxy.
    var number: UInt32

    var name: ApplianceName { ApplianceName(loadBalancer.id) }
}

/// The text of haproxy's configuration file: a pure function of the load balancers.
struct ConfigurationText: Sendable {
    /// How the file begins, by which it is known as ours.
    static let marker = "# lbaas-worker writes this file, and undoes what is changed in it by hand.\n"
    /// How the description begins by which a haproxy is known as ours. The fingerprint follows.
    static let descriptionStart = "lbaas "

    let base: BaseConfiguration

    /// What a running haproxy is asked for to tell whether it runs these load balancers, but for what can be changed while it runs: the
    /// servers themselves.
    func fingerprint(of proxies: [Proxy]) -> String {
        var hash = Fingerprint()
        hash.add(foundation)
        for proxy in Self.ordered(proxies) { hash.add(proxy.loadBalancer.structure(with: base)) }
        return hash.text
    }

    /// The whole text, in which the order of the load balancers is that of their ids.
    func text(of proxies: [Proxy], fingerprint: String) -> String {
        var text = Self.marker
        text += "global\n    description \(Self.descriptionStart)\(fingerprint)\n"
        text += foundation
        for proxy in Self.ordered(proxies) {
            text += "\n" + proxy.loadBalancer.opening + "    id \(proxy.number)\n"
            if proxy.loadBalancer.isSuspended { continue }
            text += proxy.loadBalancer.settings(with: base)
            for server in proxy.loadBalancer.servers { text += "    server \(server.name) \(server.words(with: base))\n" }
        }
        return text
    }

    private static func ordered(_ proxies: [Proxy]) -> [Proxy] { proxies.sorted { $0.loadBalancer.id < $1.loadBalancer.id } }

    /// The rest of `global`, and the sections that are no load balancers.
    private var foundation: String {
        var lines = [
            "    localpeer lbaas",
            "    stats socket \(word(base.commandSocket)) mode 600 level admin",
            "    server-state-file \(word(base.stateFile))",
            // No load balancer has this name, so what is of none of them gets into no log of theirs.
            "    log-tag _", "    log \(base.logTarget) len \(LogPipe.mostTogether) format rfc5424 local0",
        ]
        lines += base.globalLines.map { "    " + $0 }
        lines += [
            "", "defaults", "    log global", "    option dontlognull", "    load-server-state-from-file global",
            "    timeout connect 30s", "    timeout client 30s", "    timeout server 30s",
        ]
        lines += base.defaultsLines.map { "    " + $0 }
        lines += ["", "peers lbaas", "    peer lbaas unix@\(word(base.peersSocket))"]
        if !base.nameServers.isEmpty {
            lines += ["", "resolvers lbaas"]
            lines += base.nameServers.enumerated().map { "    nameserver \($0.offset + 1) \(word($0.element))" }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// 128 bits that tell texts apart: FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/).
private struct Fingerprint {
    private var state: UInt128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D

    mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte) }
        // No text has this byte, so it parts one from the next.
        add(0xFF)
    }

    private mutating func add(_ byte: UInt8) { state = (state ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013B }

    var text: String { String(state, radix: 16) }
}
