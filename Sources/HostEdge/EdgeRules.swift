import LBaaS
import Netlink

/// The table of the packet filter without its elements: sets, chains and rules.
enum EdgeRules {
    /// The name of the table, in the families of IPv4 and IPv6.
    static let table = "lbaas"

    /// What the kernel keeps with the table: a comment, as nft has it. Another number stands for other chains, rules or sets.
    static let note: [UInt8] = {
        let text = Array("edge 2 of lbaas-worker".utf8)
        return [0, UInt8(text.count + 1)] + text + [0]
    }()

    /// A chain with its rules.
    struct Chain {
        let name: String
        /// Where it gets packets; nil where rules jump to it.
        var place: NFTablesTransaction.Place?
        var priority: Int32 = 0
        var translates = false
        let rules: [[RuleExpression]]
    }

    private static let listener: RuleExpression = .key([.destination, .transport, .destinationPort])
    private static let original: RuleExpression = .key([.originalDestination, .transport, .originalPort])

    /// The chains, those that rules jump to first.
    ///
    /// Insiders of a service with the policy Local are told from others by a mark, before clients from outside are dropped where this host
    /// has no endpoint. Who may not use a service at all is dropped before that, insiders as well.
    static let chains: [Chain] = {
        let firewall: [RuleExpression] = [
            listener, .isElement(of: "fw"), .key([.destination, .transport, .destinationPort, .source]),
            .isElement(of: "fwallow", isNot: true), .drop,
        ]
        let newToFirewall: [RuleExpression] = [.isNew, .jump("firewall")]
        let blackhole: [RuleExpression] = [.isNew, listener, .isElement(of: "blackhole"), .drop]
        let toGuard = ["vips", "ranges"].map { set -> [RuleExpression] in
            // Replies to this host's own connections from such an address are no new connections.
            [.isNew, .key([.destination]), .isElement(of: set), .jump("guard")]
        }
        let guarded = LBaaS.Transport.allCases.map { transport -> [RuleExpression] in
            [.isTransport(transport.number), listener, .isElement(of: "services", isNot: true), .rejectPort]
        }
        // A connection that is forwarded before the route is there would be tracked as it is, and never be masqueraded.
        let early = ["vips", "ranges"].map { set -> [RuleExpression] in [.isNew, .key([.destination]), .isElement(of: set), .jump("early")]
        }
        return [
            Chain(name: "firewall", rules: [firewall]),
            Chain(name: "guard", rules: guarded),
            Chain(name: "early", rules: LBaaS.Transport.allCases.map { [.isTransport($0.number), .rejectPort] }),
            Chain(
                name: "prerouting", place: .prerouting, priority: -110,
                rules: [
                    newToFirewall, [.key([.source]), .isElement(of: "podcidr"), listener, .mark(from: "inside"), .accept], blackhole,
                ]),
            Chain(
                name: "output", place: .output, priority: -110,
                rules: [newToFirewall, [listener, .mark(from: "inside"), .accept], blackhole]),
            // IPVS takes its packets at 98.
            Chain(name: "input", place: .input, priority: -1, rules: toGuard),
            Chain(name: "forward", place: .forward, priority: -1, rules: early),
            Chain(
                name: "postrouting", place: .postrouting, priority: 101, translates: true,
                rules: [
                    [.key([.source, .destination]), .isElement(of: "hairpin"), .masquerade],
                    // Behind IPVS a packet has its endpoint's address, and only the connection tells the service's.
                    [original, .isElement(of: "masq"), .masquerade],
                    [original, .isElement(of: "masqoff"), .key([.source]), .isElement(of: "podcidr", isNot: true), .masquerade],
                ]),
        ]
    }()

    /// How many rules each chain has.
    static let ruleCounts = Dictionary(uniqueKeysWithValues: chains.map { ($0.name, $0.rules.count) })

    /// Adds the table of a family with everything but elements. It must not be there.
    static func build(_ family: NFTablesTransaction.Family, table: String = table, in transaction: inout NFTablesTransaction) {
        transaction.addTable(table, family, note: note)
        for set in EdgeSet.allCases { transaction.addSet(set.rawValue, table: table, family, set.key) }
        for chain in chains {
            transaction.addChain(
                chain.name, table: table, family, at: chain.place, priority: chain.priority, translates: chain.translates)
        }
        for chain in chains {
            for rule in chain.rules { transaction.addRule(rule, chain: chain.name, table: table, family) }
        }
    }
}
