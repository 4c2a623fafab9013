import IPVSDriver
import LBaaS
import TestSupport
import Testing

@Suite("The real servers of a service")
struct DestinationsTests {
    private func destinations(_ nodes: [Node], as carried: ServiceProtocol = .tcp) throws -> Destinations {
        try #require(balancer("a", nodes, as: carried).wantedServices(ServiceDefaults())[0].wanted.service).destinations
    }

    @Test("are the same as nodes and as a table, in whatever order they are", arguments: 0..<8 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let hosts = (1...UInt32.random(in: 1...8, using: &generator)).shuffled(using: &generator)
            let nodes = hosts.map { host in
                node(
                    host, weight: .random(in: 0...1, using: &generator), isBackup: Int.random(in: 0...2, using: &generator) == 0,
                    Node.Condition.allCases.randomElement(using: &generator) ?? .enabled, isV6: Bool.random(using: &generator))
            }
            let asNodes = try destinations(nodes, as: Bool.random(using: &generator) ? .tcp : .galera)
            let asTable = Destinations(asNodes.table)
            #expect(asNodes == asTable)
            #expect(asNodes.hashValue == asTable.hashValue)
            #expect((asNodes.count, asNodes.isEmpty) == (asTable.count, asTable.isEmpty))
            #expect(asNodes.map(\.0) == nodes.filter { $0.condition == .enabled }.compactMap { DestinationKey($0.endpoint) })
            for (key, destination) in asTable { #expect(asNodes[key] == destination) }
            guard let key = asNodes.keys.first else { continue }
            var fewer = asNodes
            fewer[key] = nil
            #expect(fewer != asNodes)
            #expect(fewer[key] == nil)
            fewer[key] = asNodes[key]
            #expect(fewer == asNodes)
        }
    }

    /// No job brings such nodes, but a state that was committed with another driver may.
    @Test("are there once, whatever the nodes say; the last counts", arguments: [[1, 1, 2], [2, 1, 2], [3, 2, 1, 1, 3]] as [[UInt32]])
    func twins(hosts: [UInt32]) throws {
        let nodes = hosts.enumerated().map { node($1, weight: UInt16($0)) }
        let expected = Dictionary(hosts.enumerated().map { (place($1), nat(UInt32($0))) }) { _, last in last }
        #expect(try destinations(nodes) == Destinations(expected))
        #expect(try destinations(nodes).count == expected.count)
    }
}
