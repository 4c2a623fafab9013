import LBaaS
import TestSupport
import Testing

private func listener(_ port: UInt16, _ transport: Transport = .tcp) -> Listener {
    Listener(address: nil, port: port, transport: transport)
}

private func drain(_ host: UInt8, until second: Int64 = 30) -> Drain {
    Drain(endpoint: node("", host: host).endpoint, deadline: Timestamp(microseconds: second * 1_000_000))
}

private func leaving(_ host: UInt8, _ port: UInt16) -> Leaving {
    Leaving(listener: listener(port), endpoint: node("", host: host).endpoint)
}

@Suite("What drains")
struct DrainTests {
    @Test("is found by its listener and by its owner")
    func table() {
        var table = DrainTable()
        #expect(table.isEmpty)
        table[listener(80)] = .init(owner: "a", drains: [drain(1), drain(2)])
        table[listener(81)] = .init(owner: "a", drains: [drain(3)])
        table[listener(80, .udp)] = .init(owner: "b", drains: [drain(4)])
        #expect(table[listener(80)]?.drains == [drain(1), drain(2)])
        #expect(table[listener(82)] == nil)
        #expect(table.drains(of: "a").map(\.listener) == [listener(80), listener(81)])
        #expect(table.drains(of: "a").map(\.drains) == [[drain(1), drain(2)], [drain(3)]])
        #expect(Set(table.owners) == ["a", "b"])
        table[listener(80)] = .init(owner: "b", drains: [drain(2)])
        #expect(table.drains(of: "a").map(\.listener) == [listener(81)])
        #expect(Set(table.drains(of: "b").map(\.listener)) == [listener(80), listener(80, .udp)])
        table[listener(81)] = .init(owner: "a", drains: [])
        #expect(table[listener(81)] == nil && table.drains(of: "a").isEmpty && Set(table.owners) == ["b"])
        (table[listener(80)], table[listener(80, .udp)]) = (nil, nil)
        #expect(table.isEmpty && table.owners.isEmpty)
    }

    @Test("is found likewise after any changes", arguments: 0..<4 as Range<UInt64>)
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var table = DrainTable()
        var model: [Listener: DrainTable.Entry] = [:]
        for _ in 0..<300 {
            let listener = listener(.random(in: 1...5, using: &generator))
            let owner: LoadBalancerID = ["a", "b", "c"].randomElement(using: &generator) ?? "a"
            let drains = (0..<UInt8.random(in: 0...2, using: &generator)).map { drain($0) }
            table[listener] = DrainTable.Entry(owner: owner, drains: drains)
            model[listener] = drains.isEmpty ? nil : DrainTable.Entry(owner: owner, drains: drains)
            #expect(table.all == model)
            #expect(Set(table.owners) == Set(model.values.map(\.owner)))
            for owner in ["a", "b", "c"] as [LoadBalancerID] {
                let found = Dictionary(uniqueKeysWithValues: table.drains(of: owner).map { ($0.listener, $0.drains) })
                #expect(found == model.filter { $0.value.owner == owner }.mapValues(\.drains))
            }
        }
    }
}

@Suite("A load balancer as it should run right now")
struct EffectiveStateTests {
    private var table = DrainTable()

    private func conditions(_ balancer: LoadBalancer?) -> [Node.Condition]? { balancer?.nodes.map(\.condition) }

    @Test("has its nodes drain that have not finished, and is without those that have")
    mutating func nodes() {
        let wanted = balancer("a") {
            $0.nodes = [
                node("1", host: 1), node("2", host: 2, condition: .draining), node("3", host: 3, condition: .draining),
                node("4", host: 4, condition: .disabled), node("5", host: 5, condition: .disabled),
            ]
        }
        #expect(conditions(table.effective(wanted, id: "a")) == [.enabled, .disabled, .disabled, .disabled, .disabled])
        table[listener(80)] = .init(owner: "a", drains: [drain(2), drain(5)])
        let effective = table.effective(wanted, id: "a")
        #expect(conditions(effective) == [.enabled, .draining, .disabled, .disabled, .draining])
        #expect(effective?.leaving == [])
        // Another's drains are none of its.
        table[listener(80)] = .init(owner: "b", drains: [drain(2)])
        #expect(conditions(table.effective(wanted, id: "a")) == [.enabled, .disabled, .disabled, .disabled, .disabled])
    }

    @Test("has what leaves it, and what leaves the listeners that it had before")
    mutating func leavers() {
        table[listener(80)] = .init(owner: "a", drains: [drain(9), drain(1)])
        table[listener(81)] = .init(owner: "a", drains: [drain(1)])
        let wanted = balancer("a") { $0.nodes = [node("1", host: 1, condition: .draining)] }
        let effective = table.effective(wanted, id: "a")
        #expect(effective?.leaving == [leaving(9, 80), leaving(1, 81)])
        #expect(conditions(effective) == [.draining])
        var same = effective
        same?.leaving = []
        same?.nodes[0].condition = .draining
        #expect(same == wanted)
        #expect(effective?.isRest == false)
    }

    @Test("is, where it is deleted, what of it still leaves, or nothing", arguments: [.tcp, .udp, .sctp] as [Transport])
    mutating func rest(transport: Transport) {
        #expect(table.effective(nil, id: "a") == nil)
        table[listener(81, transport)] = .init(owner: "a", drains: [drain(1)])
        let rest = table.effective(nil, id: "a")
        #expect(rest?.id == "a")
        #expect(rest?.listener == listener(81, transport))
        #expect(rest?.isSuspended == true && rest?.nodes == [] && rest?.isRest == true)
        #expect(rest?.leaving.map(\.listener) == [listener(81, transport)])
    }

    @Test("is told from what is left of one that is deleted", arguments: [0, 1, 2, 3])
    func looks(difference: Int) {
        let balancer = balancer("a") { balancer in
            balancer.isSuspended = difference != 1
            balancer.nodes = difference == 2 ? [node("1")] : []
            balancer.leaving = difference == 3 ? [] : [leaving(1, 80)]
        }
        #expect(balancer.isRest == (difference == 0))
    }
}
