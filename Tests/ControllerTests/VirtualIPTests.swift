import LBaaS
import Requests
import Synchronization
import TestSupport
import Testing

@testable import Controller

/// A host that has the virtual IPs that it is given, and notes what it is told.
private final class Host: VirtualIPKeeper {
    let hostID = "h1"
    let configured: [VirtualIPTable.Configured]
    /// The addresses that this host refuses.
    let own: Set<IPAddress> = [.v4(0x0A00_0001)]
    let began = Record<[String]>()
    let taken = Record<String>()

    init(_ configured: [VirtualIPTable.Configured] = []) { self.configured = configured }

    func begin(_ table: VirtualIPTable) { began.add(table.all.map(\.address.description)) }

    func refusal(of virtualIP: VirtualIP) -> (code: Refusal.Code, field: String, reason: String)? {
        own.contains(virtualIP.address) ? (.invalid, "address", "it is an address of the host itself") : nil
    }

    func refusal(ofFailingOver address: IPAddress, to host: String?) -> Refusal? {
        host == "nobody" ? Refusal(.conflict, "host nobody is not alive") : nil
    }

    func take(_ changes: VirtualIPChanges) {
        for (address, entry) in changes.requested {
            taken.add("\(address) \(entry.virtualIP.map { "\($0.interface) \($0.priority)" } ?? "removed") \(entry.version.host)")
        }
        for failover in changes.failovers { taken.add("\(failover.address) to \(failover.host ?? "anybody")") }
    }
}

/// Notes the events of virtual IPs.
private final class Observer: CoreObserver {
    let told = Record<VirtualIPStatusEvent>()
    let followsChanges = true

    func published(_ change: PublishedChange) { for event in change.virtualIPs { told.add(event) } }
    func committed(_ count: Int, in duration: Duration) {}
    func repaired(_ repair: ApplianceRepair) {}
}

@Suite("Virtual IPs as requests")
struct VirtualIPTests {
    private static let nine = IPAddress.v4(0x0A00_0009)
    private let host: Host
    private let bench: Bench

    init() throws {
        host = Host([.init(try VirtualIP(address: .v4(0x0A00_0007), interface: "eth0"), section: "virtual_ip:seven")])
        bench = try Bench(keeper: host)
    }

    private func virtualIP(_ last: UInt32 = 9, _ interface: String = "eth0", priority: Int = 100) throws -> VirtualIP {
        var virtualIP = try VirtualIP(address: .v4(0x0A00_0000 + last), interface: interface)
        virtualIP.priority = priority
        return virtualIP
    }

    private func perform(_ change: VirtualIPChange, with other: WantedChange? = nil, dryRun: Bool = false, expecting: UInt64? = nil)
        -> Outcome
    {
        bench.runner.perform(
            .change(.virtualIPs(change, with: other), ChangeOptions(isDryRun: dryRun, expectedRevision: expecting)),
            from: Origin(.jobs, name: "api:ann"))
    }

    private func code(_ outcome: Outcome) -> Refusal.Code? { if case .refused(let refusal) = outcome { refusal.code } else { nil } }

    private var all: [String] { bench.pipeline.virtualIPs.reports.map { "\($0.virtualIP.address) \($0.virtualIP.interface)" } }

    @Test("come, are changed and go, each with a journal entry, and are there after a restart")
    func life() throws {
        #expect(host.began.all == [["10.0.0.7"]])
        #expect(perform(.add(try virtualIP())).isChanged)
        #expect(all == ["10.0.0.7 eth0", "10.0.0.9 eth0"])
        #expect(perform(.add(try virtualIP())).failure == "IP already assigned")
        var patch = VirtualIPPatch()
        (patch.priority, patch.interface) = (7, "eth1")
        #expect(perform(.edit(Self.nine, patch)).isChanged)
        #expect(perform(.put([try virtualIP(9, "eth1", priority: 7)])).isChanged)
        try bench.restart()
        #expect(host.began.all.last == ["10.0.0.7", "10.0.0.9"])
        #expect(all == ["10.0.0.7 eth0", "10.0.0.9 eth1"])
        #expect(perform(.failOver(Self.nine, to: nil)).isChanged)
        #expect(perform(.remove([Self.nine], mustExist: true)).isChanged)
        #expect(all == ["10.0.0.7 eth0"])
        #expect(
            host.taken.all == ["10.0.0.9 eth0 100 h1", "10.0.0.9 eth1 7 h1", "10.0.0.9 to anybody", "10.0.0.9 removed h1"])
        #expect(
            try bench.pipeline.journal(after: 0, limit: 10).map { "\($0.revision) \($0.cause) \($0.origin) \($0.what)" } == [
                "1 jobs api:ann CREATE virtual IP 10.0.0.9", "2 jobs api:ann CHANGE virtual IP 10.0.0.9",
                "3 jobs api:ann FAILOVER virtual IP 10.0.0.9", "4 jobs api:ann DELETE virtual IP 10.0.0.9",
            ])
        // A job that comes twice passes.
        #expect(perform(.remove([Self.nine], mustExist: false)).isChanged)
        #expect(code(perform(.remove([Self.nine], mustExist: true))) == .notFound)
        try bench.restart()
        #expect(all == ["10.0.0.7 eth0"])
    }

    @Test("are refused with a code and a sentence, and then nothing of the request holds")
    func refusals() throws {
        #expect(perform(.put([try virtualIP(), try virtualIP(1)])).failure == "virtualIPs[1].address: it is an address of the host itself")
        #expect(
            perform(.put([try virtualIP(7, "eth1")]), with: .create([balancer("a", 1)])).failure
                == "virtualIPs[0].address: 10.0.0.7 is a virtual IP of the configuration file, [virtual_ip:seven]; change it there")
        #expect(perform(.remove([Self.nine], mustExist: false)).failure == "virtualIPs[0]: there is no virtual IP 10.0.0.9")
        #expect(code(perform(.edit(Self.nine, VirtualIPPatch()))) == .notFound)
        #expect(code(perform(.failOver(Self.nine, to: nil))) == .notFound)
        #expect(code(perform(.failOver(.v4(0x0A00_0007), to: "nobody"))) == .conflict)
        #expect(code(perform(.remove([.v4(0x0A00_0007)], mustExist: true))) == .conflict)
        var patch = VirtualIPPatch()
        patch.fence = VirtualIP.Fence.none
        #expect(perform(.add(try virtualIP())).isChanged)
        #expect(perform(.edit(Self.nine, patch)).failure == "fence: only addresses with the policy at_most_one have one")
        #expect(all == ["10.0.0.7 eth0", "10.0.0.9 eth0"])
        #expect(try bench.committed.isEmpty)
        let without = try Bench()
        #expect(
            code(without.runner.perform(.change(.virtualIPs(.add(try virtualIP()), with: nil), ChangeOptions()))) == .unsupported)
    }

    @Test("go with load balancers in one commit, and an UPDATE that lists them lists them all")
    func withLoadBalancers() throws {
        #expect(perform(.put([try virtualIP(), try virtualIP(10)]), with: .create([balancer("a", 1)])).isChanged)
        #expect(bench.pipeline.revision == 1)
        #expect(try bench.committed.keys.sorted() == ["a"])
        #expect(perform(.put([]), with: .create([balancer("b", 2)])).isChanged)
        #expect(all.count == 3)
        #expect(bench.pipeline.commit(.update([])).isChanged)
        #expect(all.count == 3)
        #expect(perform(.replace([try virtualIP(10)]), with: .update([])).isChanged)
        #expect(all == ["10.0.0.10 eth0", "10.0.0.7 eth0"])
        #expect(perform(.remove([.v4(0x0A00_000A)], mustExist: false)).isChanged)
        #expect(all == ["10.0.0.7 eth0"])
    }

    @Test("are planned without a change, and changed for a revision")
    func planned() throws {
        func plan(_ change: VirtualIPChange) -> [String] {
            if case .planned(let steps) = perform(change, dryRun: true) { steps } else { [] }
        }
        #expect(plan(.add(try virtualIP())) == ["add the virtual IP 10.0.0.9 on eth0, at_least_one, priority 100"])
        #expect(all.count == 1)
        #expect(perform(.add(try virtualIP())).isChanged)
        let revision = bench.pipeline.revision
        #expect(plan(.put([try virtualIP(priority: 7)])) == ["change the virtual IP 10.0.0.9 on eth0, at_least_one, priority 7"])
        #expect(plan(.failOver(Self.nine, to: "h2")) == ["give up the virtual IP 10.0.0.9 to host h2"])
        #expect(plan(.remove([Self.nine], mustExist: true)) == ["remove the virtual IP 10.0.0.9"])
        #expect(perform(.add(try virtualIP(11))).isChanged)
        #expect(perform(.put([try virtualIP(priority: 7)]), expecting: revision).isChanged)
        #expect(code(perform(.put([try virtualIP(priority: 8)]), expecting: revision)) == .precondition)
    }

    @Test("of other hosts are taken where they are newer, and never go back")
    func adopted() throws {
        func adopt(_ virtualIP: VirtualIP?, _ number: Int64, _ host: String) throws {
            let done = Record<Bool>()
            let entry = VirtualIPTable.Requested(virtualIP, version: VirtualIPVersion(number: number, host: host))
            bench.pipeline.adopt([Self.nine: entry], from: host) { done.add($0) }
            try waitUntil("it is committed") { done.all == [true] }
        }
        try adopt(virtualIP(9, "one"), 5, "h2")
        #expect(all == ["10.0.0.7 eth0", "10.0.0.9 one"])
        try adopt(virtualIP(9, "two"), 4, "h3")
        try adopt(virtualIP(9, "two"), 5, "h1")
        #expect(all.last == "10.0.0.9 one")
        try adopt(nil, 6, "h2")
        #expect(all.count == 1)
        try adopt(virtualIP(9, "old"), 5, "h9")
        #expect(all.count == 1)
        try bench.restart()
        try adopt(virtualIP(9, "old"), 5, "h9")
        #expect(all.count == 1)
        #expect(perform(.add(try virtualIP(9, "new"))).isChanged)
        try adopt(nil, 6, "h9")
        #expect(all.last == "10.0.0.9 new")
        #expect(
            try bench.pipeline.journal(after: 0, limit: 10).map { "\($0.cause) \($0.origin) \($0.what)" } == [
                "cluster h2 ADOPT virtual IP 10.0.0.9", "cluster h2 ADOPT virtual IP 10.0.0.9", "jobs api:ann CREATE virtual IP 10.0.0.9",
            ])
    }

    @Test("have facts, which are read with the state, told to the observer and kept in the journal where they change")
    func facts() throws {
        let observer = Observer()
        let bench = try Bench(keeper: host, observer: observer)
        let nine = try virtualIP()
        #expect(bench.pipeline.commit(.virtualIPs(.add(nine), with: nil)).isChanged)
        func fact(_ state: VirtualIPState) -> VirtualIPFact {
            VirtualIPFact(state: state, isBound: state == .activated, owner: "h1", reason: nil, since: Timestamp(microseconds: 1))
        }
        let time = Timestamp(microseconds: 5)
        let events = [
            VirtualIPStatusEvent(.changed(fact(.activated)), of: nine, at: time),
            VirtualIPStatusEvent(.rival(hardwareAddress: "02:00:00:00:00:09"), of: nine, at: time),
            VirtualIPStatusEvent(.changed(fact(.activated)), of: nine, at: time),
        ]
        bench.pipeline.report(events)
        try waitUntil("they are told") { observer.told.all == events }
        #expect(bench.pipeline.virtualIPs.reports.map(\.fact) == [nil, fact(.activated)])
        bench.pipeline.report([VirtualIPStatusEvent(.changed(fact(.standby)), of: nine, at: time)])
        try waitUntil("it is told") { observer.told.all.count == 4 }
        #expect(
            try bench.pipeline.journal(after: 1, limit: 10).map { "\($0.cause) \($0.what)" } == [
                "virtual_ip 10.0.0.9 ACTIVATED, owner h1", "virtual_ip 10.0.0.9 STANDBY, owner h1",
            ])
        #expect(bench.pipeline.commit(.virtualIPs(.remove([Self.nine], mustExist: true), with: nil)).isChanged)
        #expect(bench.pipeline.commit(.virtualIPs(.add(nine), with: nil)).isChanged)
        #expect(bench.pipeline.virtualIPs.reports.map(\.fact) == [nil, nil])
    }
}
