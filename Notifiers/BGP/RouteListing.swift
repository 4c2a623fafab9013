import HostSystem
import LBaaS

/// What ExaBGP announces to whom, as it lists it.
///
/// `show adj-rib out` writes a line for each route of each peer, be it connected or not, and `show neighbor summary` one for each peer that is
/// connected, below a heading:
///
///     neighbor 192.0.2.1 ipv4 unicast 10.9.0.1/32 next-hop self
///     192.0.2.1       65002     0:00:34 established           3          2
struct RouteListing: Equatable, Sendable {
    private struct Route: Hashable, Sendable {
        let peer: IPAddress
        let address: IPAddress
    }

    private var routes: Set<Route> = []
    private var peers: Set<IPAddress> = []
    /// The addresses that it has host routes for.
    private(set) var addresses: Set<IPAddress> = []

    /// Reads both lists.
    ///
    /// - Parameter neighbors: the peers that count; empty for all.
    init(routes lines: [String], peers summary: [String], neighbors: [IPAddress]) {
        func counts(_ peer: IPAddress) -> Bool { neighbors.isEmpty || neighbors.contains(peer) }
        for line in lines {
            // What is behind the prefix is not needed.
            let words = line.parts(at: " ", maxSplits: 5)
            guard words.count > 4, words[0] == "neighbor", let peer = IPAddress(String(words[1])), counts(peer) else { continue }
            peers.insert(peer)
            guard words[3] == "unicast", let address = Self.host(words[4]) else { continue }
            routes.insert(Route(peer: peer, address: address))
            addresses.insert(address)
        }
        for line in summary {
            if let peer = line.parts(at: " ", maxSplits: 1).first.flatMap({ IPAddress(String($0)) }), counts(peer) { peers.insert(peer) }
        }
    }

    /// Whether there is no peer that an older listing had not, and every route to one of these addresses that it had.
    func continues(_ older: RouteListing, of wanted: Set<IPAddress>) -> Bool {
        peers.isSubset(of: older.peers) && older.routes.allSatisfy { routes.contains($0) || !wanted.contains($0.address) }
    }

    private static func host(_ prefix: Substring) -> IPAddress? {
        guard let (text, length) = prefix.cut(at: "/"), let address = IPAddress(String(text)) else { return nil }
        switch address {
        case .v4: return length == "32" ? address : nil
        case .v6: return length == "128" ? address : nil
        }
    }
}
