import DaemonSupport
import Glibc
import HostEdge
import HostSystem
import Kubernetes
import LBaaS

/// What `[source:kubernetes]` says: where the services of a cluster are read, and how this host serves them.
struct KubernetesSettings: Sendable {
    /// Where the objects of the cluster are.
    enum Source: Sendable {
        /// In files of a folder.
        case manifests(String)
        /// At an API server.
        case server(APIServer)
    }

    /// How packets come to the services.
    enum Edge: String, Sendable, CaseIterable {
        /// By local routes, with tables of nf_tables for all else.
        case nftables
        /// By local routes alone.
        case routes
        /// By what somebody else does.
        case none
    }

    /// Where the objects of the cluster are.
    var source: Source
    /// How they are translated.
    var options: TranslationOptions
    /// How packets come to the services.
    var edge: Edge
    /// By what this host takes packets for addresses of services.
    var binding: AddressBinding
    /// Whether this host answers ARP requests for an address only on the interface that has it.
    var hidesFromARP: Bool
    /// The bits of packet marks by which clients inside the cluster are told from others.
    var markMask: UInt32
    /// Where the health of this node is asked after; nil for nowhere.
    var healthListener: (host: String, port: UInt16)?

    /// What is enough to find out what an earlier worker served.
    static let leftover = KubernetesSettings(
        source: .manifests(""), options: TranslationOptions(nodeName: hostName()), edge: .nftables, binding: .routes, hidesFromARP: false,
        markMask: KubernetesSection.defaultMarkMask)
}

/// The section `[source:kubernetes]`.
struct KubernetesSection: ConfiguredSection {
    let name = Self.sectionName
    let section: Section
    let path: String

    /// Its name.
    static let sectionName = "source:kubernetes"

    /// Its keys.
    static let keys = [
        "manifests", "kubeconfig", "server", "in_cluster", "ca_file", "token_file", "node_name", "proxy_name", "cluster_cidr",
        "service_cidr", "node_port_addresses", "masquerade_all", "scheduler", "edge", "bind", "strict_arp", "mark_mask",
        "health_listen",
    ]

    /// The marks of clients inside where nothing else is set: the highest bit is in all of them.
    static let defaultMarkMask: UInt32 = 0x10_0FFF

    /// The settings.
    ///
    /// - Parameter driver: the name of the driver.
    /// - Throws: all that is wrong, with the places in the file.
    func settings(driver: String) throws(StartupFailure) -> KubernetesSettings {
        var mistakes = Mistakes()
        if driver != "ipvs" && driver != "dummy" {
            mistakes.add(failure("the driver \(driver) does not serve a cluster; ipvs does", at: name))
        }
        let source = mistakes.collect { () throws(StartupFailure) in try self.source() }
        var options = TranslationOptions(nodeName: value("node_name", .text, &mistakes) ?? environment("NODE_NAME") ?? hostName())
        options.proxyName = value("proxy_name", .text, &mistakes) ?? ""
        options.clusterRanges = values("cluster_cidr", .addressRange, &mistakes)
        options.serviceRanges = values("service_cidr", .addressRange, &mistakes)
        options.nodePortAddresses = nodePortAddresses(&mistakes)
        options.masqueradesAll = value("masquerade_all", .truth, &mistakes) ?? false
        options.scheduling = value("scheduler", .scheduling, &mistakes) ?? options.scheduling
        let edge =
            value("edge", ValueForm<KubernetesSettings.Edge>.choice(KubernetesSettings.Edge.allCases.map { ($0.rawValue, $0) }), &mistakes)
            ?? (driver == "dummy" ? .none : .nftables)
        let binding =
            value("bind", ValueForm<AddressBinding>.choice(AddressBinding.allCases.map { ($0.rawValue, $0) }), &mistakes) ?? .routes
        if binding == .addresses, edge == .none {
            mistakes.add(failure("bind: addresses are bound by the edge, and edge is none", at: "bind"))
        }
        options.needsEachAddress = binding == .addresses
        let hidesFromARP = value("strict_arp", .truth, &mistakes) ?? false
        let markMask = value("mark_mask", .markMask, &mistakes) ?? Self.defaultMarkMask
        let health = value("health_listen", .listener, &mistakes) ?? nil
        try mistakes.check()
        guard let source else { throw failure("there is no source", at: name) }
        return KubernetesSettings(
            source: source, options: options, edge: edge, binding: binding, hidesFromARP: hidesFromARP, markMask: markMask,
            healthListener: health.map { ($0.host.description, $0.port) })
    }

    private func nodePortAddresses(_ mistakes: inout Mistakes) -> TranslationOptions.NodePortAddresses {
        switch section.values["node_port_addresses"]?.text {
        case nil, "all": .all
        case "primary": .primary
        default: .ranges(values("node_port_addresses", .addressRange, &mistakes))
        }
    }

    /// Where the objects are: exactly one place.
    private func source() throws(StartupFailure) -> KubernetesSettings.Source {
        var mistakes = Mistakes()
        let isInCluster = value("in_cluster", .truth, &mistakes) ?? false
        let manifests = value("manifests", .path, &mistakes)
        let kubeconfig = value("kubeconfig", .path, &mistakes)
        let url = value("server", .text, &mistakes)
        let authorities = value("ca_file", .path, &mistakes)
        let token = value("token_file", .path, &mistakes)
        try mistakes.check()
        let count = (manifests == nil ? 0 : 1) + (kubeconfig == nil ? 0 : 1) + (isInCluster || url != nil ? 1 : 0)
        if count != 1 {
            throw failure(
                "says \(count == 0 ? "not" : "more than once") where the cluster is: give one of manifests, kubeconfig, and server or in_cluster",
                at: name)
        }
        if let manifests { return .manifests(manifests) }
        do throws(KubernetesError) {
            if let kubeconfig { return .server(try Kubeconfig.read(kubeconfig)) }
            if isInCluster {
                return .server(
                    try APIServer.inCluster(
                        url: url,
                        environment: [
                            "KUBERNETES_SERVICE_HOST": environment("KUBERNETES_SERVICE_HOST"),
                            "KUBERNETES_SERVICE_PORT": environment("KUBERNETES_SERVICE_PORT"),
                        ].compactMapValues { $0 }))
            }
            var server = try APIServer(url: url ?? "")
            server.authorities = authorities.map { .file($0) }
            server.token = token.map { .file($0) }
            return .server(server)
        } catch {
            throw failure("\(error)", at: kubeconfig != nil ? "kubeconfig" : url != nil ? "server" : "in_cluster")
        }
    }
}

/// The value of a variable of this process's environment; nil where there is none.
private func environment(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }

extension Settings {
    /// What `[source:kubernetes]` says; nil where there is no such section.
    ///
    /// - Throws: all that is wrong with it.
    func kubernetes() throws(StartupFailure) -> KubernetesSettings? {
        guard let section = sections[KubernetesSection.sectionName] else { return nil }
        return try KubernetesSection(section: section, path: configurationFile ?? "").settings(driver: driver)
    }
}

extension ValueForm where Value == AddressRange {
    /// `10.96.0.0/12`
    fileprivate static var addressRange: Self {
        Self { text throws(BadValue) in
            guard let range = AddressRange(text) else { throw BadValue("'\(text)' is not a range of addresses (ADDRESS/LENGTH)") }
            return range
        } write: {
            $0.description
        }
    }
}

extension ValueForm where Value == Scheduling {
    /// The kernel's name of a scheduler.
    fileprivate static var scheduling: Self {
        Self { text throws(BadValue) in
            guard let scheduling = Scheduling(text) else { throw BadValue("'\(text)' is not served; rr, lc, sh, mh, sed and nq are") }
            return scheduling
        } write: {
            $0.algorithm.rawValue
        }
    }
}

extension ValueForm where Value == Endpoint? {
    /// ADDRESS:PORT, or `none`.
    fileprivate static var listener: Self {
        Self { text throws(BadValue) in
            if text == "none" { return nil }
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            let host = parts.dropLast().joined(separator: ":").trimmingBrackets
            guard let address = IPAddress(host), let port = UInt16(parts.last ?? ""), port > 0 else {
                throw BadValue("'\(text)' is not ADDRESS:PORT (0.0.0.0:10256), IPv6 in brackets, nor none")
            }
            return Endpoint(host: .address(address), port: port)
        } write: {
            $0?.description ?? "none"
        }
    }
}

extension String {
    /// The text between brackets, where there are some around it.
    fileprivate var trimmingBrackets: String { hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self }
}

extension ValueForm where Value == UInt32 {
    /// Two bits or more of a mark, in hexadecimal.
    fileprivate static var markMask: Self {
        Self { text throws(BadValue) in
            guard text.hasPrefix("0x"), let mask = UInt32(text.dropFirst(2), radix: 16), mask.nonzeroBitCount > 1 else {
                throw BadValue("'\(text)' is not a mask of two bits or more (0x100fff)")
            }
            return mask
        } write: {
            "0x" + String($0, radix: 16)
        }
    }
}
