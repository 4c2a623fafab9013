public import LBaaS

extension BGPNotifier {
    /// What the configuration needs to know.
    public static let registration = NotifierRegistration(
        name: "bgp",
        summary: "announces the addresses of services that are up to routers, through ExaBGP",
        keys: Key.allCases.map { ($0.rawValue, $0.meaning) },
        make: { configuration, log throws(DriverConfiguration.Failure) in .actuator(try BGPNotifier(configuration, log: log)) }
    )
}

/// The keys of the section `[notifier:bgp]`.
enum Key: String, CaseIterable {
    case pipeIn = "pipe_in"
    case pipeOut = "pipe_out"
    case nextHop = "next_hop"
    case nextHopV6 = "next_hop_v6"
    case med, communities, neighbors, silent
    case silentAddresses = "silent_addresses"
    case ownAddresses = "own_addresses"
    case withdrawOnStop = "withdraw_on_stop"
    case resyncInterval = "resync_interval"
    case timeout

    /// What the key means, for `etc/lbaas.conf` and `--help`.
    var meaning: String {
        switch self {
        case .pipeIn: "the named pipe that ExaBGP reads commands from; default /run/exabgp/exabgp.in"
        case .pipeOut: "the named pipe that it answers on; default /run/exabgp/exabgp.out"
        case .nextHop: "the next hop of IPv4 addresses: an address, or self for the address that ExaBGP talks from; default self"
        case .nextHopV6:
            "the next hop of IPv6 addresses: an address, or self where ExaBGP talks over IPv6; without it they are not announced"
        case .med: "the MED of the routes, 0 to 4294967295; default none"
        case .communities:
            "the communities of the routes: a list of 65000:1, of 64496:1:2 for large ones, and of \(Community.names.joined(separator: ", "))"
        case .neighbors: "the addresses of the peers that are told, as ExaBGP's configuration has them; default all"
        case .silent: "yes to announce nothing; default no"
        case .silentAddresses: "what is not announced: a list of addresses and of ranges, such as 10.9.0.0/24; default nothing"
        case .ownAddresses:
            "addresses and ranges that nobody but this worker announces: routes to one of them are withdrawn where it knows no service of it; "
                + "default none: routes to what it knows no service of are left alone"
        case .withdrawOnStop: "yes to withdraw everything when the worker is stopped; default no: traffic goes on without it"
        case .resyncInterval: "how often what ExaBGP announces is compared with what it should, in seconds; default 30"
        case .timeout:
            "how long ExaBGP may be silent when it is asked something, in seconds; one answer may take 6 times as long; default 5"
        }
    }
}

/// What the section `[notifier:bgp]` says.
struct Settings: Sendable {
    /// Which addresses are announced.
    let policy: RoutePolicy
    /// Where ExaBGP listens and answers.
    let pipes: (commands: String, answers: String)
    /// The peers that are told; all where it is empty.
    let neighbors: [IPAddress]
    /// Whether nothing is left announced at the end.
    let withdrawsOnStop: Bool
    /// How often what ExaBGP announces is looked at.
    let resyncInterval: Duration
    /// What its answers may take.
    let limits: Conversation.Limits

    /// What follows the address in a command: for IPv4, and for IPv6.
    private let attributes: (v4: String, v6: String)
    private let prefix: String

    /// Reads the section.
    init(_ section: DriverConfiguration) throws(DriverConfiguration.Failure) {
        pipes = (
            try section.path(.pipeIn) ?? "/run/exabgp/exabgp.in",
            try section.path(.pipeOut) ?? "/run/exabgp/exabgp.out"
        )
        neighbors = try section.addresses(.neighbors)
        prefix = neighbors.isEmpty ? "" : neighbors.map { "neighbor \($0)" }.joined(separator: " , ") + " "
        let nextHop = try section.nextHop(.nextHop, isV6: false) ?? "self"
        let nextHopV6 = try section.nextHop(.nextHopV6, isV6: true)
        let med = try section.number(Key.med.rawValue, 0...Int(UInt32.max)).map { " med \($0)" } ?? ""
        let rest = med + (try section.communities)
        attributes = (v4: "next-hop \(nextHop)\(rest)", v6: "next-hop \(nextHopV6 ?? "self")\(rest)")
        policy = RoutePolicy(
            isSilent: try section.yesNo(Key.silent.rawValue) ?? false, silent: try section.ranges(.silentAddresses),
            owned: try section.ranges(.ownAddresses), hasV6NextHop: nextHopV6 != nil)
        withdrawsOnStop = try section.yesNo(Key.withdrawOnStop.rawValue) ?? false
        resyncInterval = .seconds(try section.number(Key.resyncInterval.rawValue, 1...86_400) ?? 30)
        limits = Conversation.Limits(silence: .seconds(try section.number(Key.timeout.rawValue, 1...60) ?? 5))
        let longest = command(for: .announce(.v6(high: .max, low: .max))).utf8.count
        if longest > Self.longestCommand {
            throw .init(
                .neighbors, "with communities makes commands of \(longest) bytes, which is more than the \(Self.longestCommand) that go")
        }
    }

    /// The longest command that the pipe takes whole, in bytes, as pipe(7) says of PIPE_BUF, less the end of the line.
    private static let longestCommand = 4095

    /// A step in ExaBGP's words.
    ///
    /// A withdrawal names the attributes too: ExaBGP 4.2 collects what it has not sent yet by attributes, and where an address is withdrawn
    /// with others than it was announced with, the announcement and the withdrawal can change places.
    func command(for step: RouteStep) -> String {
        let verb =
            switch step {
            case .announce: "announce"
            case .withdraw: "withdraw"
            }
        switch step.address {
        case .v4: return "\(prefix)\(verb) route \(step.address)/32 \(attributes.v4)"
        case .v6: return "\(prefix)\(verb) route \(step.address)/128 \(attributes.v6)"
        }
    }
}

extension DriverConfiguration {
    fileprivate func path(_ key: Key) throws(Failure) -> String? {
        guard let path = self[key.rawValue] else { return nil }
        guard path.hasPrefix("/") else { throw Failure(key, "\(quoted(path)) is not a full path: begin it with /") }
        return path
    }

    fileprivate func nextHop(_ key: Key, isV6: Bool) throws(Failure) -> String? {
        guard let text = self[key.rawValue] else { return nil }
        if text.lowercased() == "self" { return "self" }
        switch IPAddress(text) {
        case .v4(let bits)? where !isV6 && bits != 0: return text
        case .v6(let high, let low)? where isV6 && (high | low) != 0: return text
        default: throw Failure(key, "\(quoted(text)) is neither self nor an IPv\(isV6 ? 6 : 4) address")
        }
    }

    fileprivate func addresses(_ key: Key) throws(Failure) -> [IPAddress] {
        var addresses: [IPAddress] = []
        for word in list(key.rawValue) {
            guard let address = IPAddress(word) else { throw Failure(key, "\(quoted(word)) is not an address") }
            addresses.append(address)
        }
        return addresses
    }

    fileprivate func ranges(_ key: Key) throws(Failure) -> [AddressRange] {
        var ranges: [AddressRange] = []
        for word in list(key.rawValue) {
            guard let range = AddressRange(word) else {
                throw Failure(key, "\(quoted(word)) is neither an address nor a range such as 10.9.0.0/24 or fd09::/64")
            }
            ranges.append(range)
        }
        return ranges
    }

    fileprivate var communities: String {
        get throws(Failure) {
            var plain: [String] = []
            var large: [String] = []
            for word in list(Key.communities.rawValue) {
                switch Community(word) {
                case .plain(let text)?: plain.append(text)
                case .large(let text)?: large.append(text)
                case nil:
                    throw Failure(
                        .communities,
                        "\(quoted(word)) is not a community: use 65000:1, 64496:1:2 or one of \(Community.names.joined(separator: ", "))")
                }
            }
            return (plain.isEmpty ? "" : " community [ \(plain.joined(separator: " ")) ]")
                + (large.isEmpty ? "" : " large-community [ \(large.joined(separator: " ")) ]")
        }
    }
}

/// A community of a route, in ExaBGP's words.
private enum Community {
    case plain(String)
    case large(String)

    /// Those that go by a name, as in RFC 1997.
    static let names = ["no-export", "no-advertise", "no-export-subconfed"]

    init?(_ word: String) {
        if Self.names.contains(word) {
            self = .plain(word)
            return
        }
        let parts = word.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else { return nil }
        if parts.count == 2, parts.allSatisfy({ UInt16($0) != nil }) {
            self = .plain(word)
        } else if parts.count == 3, parts.allSatisfy({ UInt32($0) != nil }) {
            self = .large(word)
        } else {
            return nil
        }
    }
}

extension DriverConfiguration.Failure {
    fileprivate init(_ key: Key, _ message: String) { self.init(key: key.rawValue, message: message) }
}
