import FleetStore
import JSON
import LBaaS
import LoadBalancerJSON
import Testing

@testable import FleetModel

/// Texts that are awkward in keys and in JSON.
private let names = ["", "plain", "é / \"quoted\" \\ \n\t\u{0}\u{1F}", "../..", "%2F", "日本語 🏔", String(repeating: "x", count: 255)]

@Suite struct CodecTests {
    @Test("Every key is read as it was written, whatever characters its parts have")
    func keys() throws {
        for name in names where !name.isEmpty {
            let keys: [FleetKey] =
                ObjectKind.allCases.map { .object($0, id: name) } + [
                    .wantedLoadBalancer(worker: name, listener: "l"), .wantedLoadBalancer(worker: "w", listener: name),
                    .wantedVirtualIP(worker: "w", address: "fd00::1"), .settled(worker: name), .host(worker: name), .claim(worker: name),
                    .statistics(listener: "l", worker: name), .operating(worker: name), .address(group: name, address: "10.0.0.1"),
                    .fleetID, .account("auth/user/1"),
                ]
            for key in keys {
                #expect(FleetKey(key.text) == key)
                if name.utf8.count < 100 { try StoreLimits.check(key: key.text) }
            }
        }
        for text in [
            "", "auth", "octavia", "octavia/member/1", "wanted/w/lb", "wanted/w/x/y", "settled", "fleet/other", "audit/1/2/3",
        ] {
            #expect(FleetKey(text) == nil)
        }
        #expect(FleetKey.wantedLoadBalancer(worker: "a b", listener: "x").text.hasPrefix(FleetKey.wanted("a b")))
    }

    @Test("A record is read as it was written")
    func records() throws {
        let reader = try #require(RecordReader())
        for name in names {
            var head = ObjectHead(
                id: "i", project: name, name: name, description: name, isEnabled: false, tags: [name, "b"],
                created: Timestamp(microseconds: 7))
            head.note(.delete, at: Timestamp(microseconds: 8))
            var loadBalancer = LoadBalancerRecord(
                head, group: name, address: .v6(high: 1, low: 2), provider: name, preferredWorker: 1)
            (loadBalancer.takesBack, loadBalancer.port) = (true, name)
            #expect(reader.read(loadBalancer.json, LoadBalancerRecord.init) == loadBalancer)
            var listener = ListenerRecord(head, loadBalancer: name, serviceProtocol: .sctp, port: 65535)
            (listener.defaultPool, listener.clientTimeout, listener.memberTimeout, listener.connectTimeout) = (name, 1, 2, 3)
            listener.insertsForwardedFor = true
            #expect(reader.read(listener.json, ListenerRecord.init) == listener)
            var pool = PoolRecord(head, loadBalancer: name, serviceProtocol: "TCP", algorithm: "SOURCE_IP")
            var member = MemberRecord(head, address: .v4(1), port: 1, weight: 0, isBackup: true)
            member.subnet = name
            var monitor = MonitorRecord(head, type: "HTTP", delay: 1, timeout: 2, maxRetries: 3)
            (monitor.maxRetriesDown, monitor.method, monitor.path, monitor.expectedCodes) = (4, name, name, name)
            (monitor.domainName, monitor.httpVersion) = (name, "1.1")
            (pool.members, pool.monitor) = ([member, member], monitor)
            for persistence in [nil, .httpCookie, .sourceIP(timeout: 300), .sourceIP(timeout: nil)] as [PoolRecord.Persistence?] {
                pool.persistence = persistence
                #expect(reader.read(pool.json, PoolRecord.init) == pool)
            }
            let settled = SettledRecord(
                revision: 5, time: Timestamp(microseconds: 3), refused: [name: SettledRecord.Refusal(revision: 4, sentence: name)],
                hasVirtualIPs: true)
            #expect(reader.read(settled.json, SettledRecord.init) == settled)
            let host = HostRecord(away: Timestamp(microseconds: 1), version: name, driver: name, lastError: name, failedRevision: 7)
            #expect(reader.read(host.json, HostRecord.init) == host)
            let operating = OperatingRecord(nodes: [name: [name: true, "b": false]])
            #expect(reader.read(operating.json, OperatingRecord.init) == operating)
            var counters = StatisticsRecord()
            (counters.bytesIn, counters.bytesOut, counters.mark) = (.max, 2, name)
            (counters.totalConnections, counters.activeConnections, counters.requestErrors) = (3, 4, 5)
            #expect(reader.read(counters.json, StatisticsRecord.init) == counters)
        }
        var quota = QuotaRecord()
        quota.limits = [.loadBalancer: 3, .healthMonitor: -1]
        #expect(reader.read(quota.json, QuotaRecord.init) == quota)
    }

    @Test("What is no record is none, and does not stop the server")
    func damage() throws {
        let reader = try #require(RecordReader())
        for text in ["", "{", "[]", "7", "{}", #"{"id": 1}"#, #"{"id": "a", "project": "b", "created": "x", "change": "CREATE"}"#] {
            let bytes = Array(text.utf8)
            #expect(reader.read(bytes, LoadBalancerRecord.init) == nil && reader.read(bytes, ListenerRecord.init) == nil)
            #expect(reader.read(bytes, PoolRecord.init) == nil && reader.read(bytes, SettledRecord.init) == nil)
            #expect(reader.read(bytes, StatisticsRecord.init) == nil && reader.read(bytes, QuotaRecord.init) == nil)
        }
    }

    @Test("A part of the wanted state is an entry of a job")
    func parts() throws {
        var loadBalancer = LoadBalancer(id: "li", serviceProtocol: .tcp, address: .v4(0x0A00_0001), port: 80)
        loadBalancer.nodes = [Node(id: "m", address: .address(.v4(0x0A00_0002)), port: 8080, condition: .draining)]
        #expect(
            String(decoding: WantedPart.text(of: loadBalancer), as: UTF8.self)
                == #"{"id":"li","protocol":"TCP","port":80,"address":"10.0.0.1","nodes":[{"id":"m","address":"10.0.0.2","port":8080,"condition":"DRAINING"}]}"#
        )
        loadBalancer.isSuspended = true
        #expect(String(decoding: WantedPart.text(of: loadBalancer), as: UTF8.self).hasSuffix(#"}],"suspended":true}"#))
        for (place, preferred, takesBack) in [(0, 0, false), (1, 0, false), (1, 1, true)] {
            let virtualIP = try #require(
                WantedPart.virtualIP(.v4(0x0A00_0001), in: pair, place: place, preferred: preferred, takesBack: takesBack))
            let read = try StoredVirtualIP.virtualIP(from: String(decoding: WantedPart.text(of: virtualIP), as: UTF8.self))
            #expect(read == virtualIP && read.interface == "eth0")
            #expect(read.priority == (place == preferred ? 150 : 100) && (read.preemption != .no) == takesBack)
        }
        let bare = FleetGroup(name: "g", workers: ["w"], addresses: [], interface: nil)
        #expect(WantedPart.virtualIP(.v4(1), in: bare, place: 0, preferred: 0, takesBack: false) == nil)
    }

    @Test(
        "A range of addresses has what is between its ends, without the network and broadcast addresses",
        arguments: [
            ("10.20.0.0/24", "10.20.0.1", "10.20.0.254", 254, "10.20.0.0/24"),
            ("10.20.0.4/31", "10.20.0.4", "10.20.0.5", 2, "10.20.0.4/31"),
            ("10.20.0.7/32", "10.20.0.7", "10.20.0.7", 1, "10.20.0.7/32"),
            ("10.20.0.10-10.20.0.99", "10.20.0.10", "10.20.0.99", 90, "10.20.0.0/25"),
            ("10.20.0.9-10.20.0.9", "10.20.0.9", "10.20.0.9", 1, "10.20.0.9/32"),
            ("fd00::/64", "fd00::1", "fd00::ffff:ffff:ffff:ffff", .max, "fd00::/64"),
            ("0.0.0.0/0", "0.0.0.1", "255.255.255.254", 4_294_967_294, "0.0.0.0/0"),
            ("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", .max, "::/0"),
            ("::/0", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", .max, "::/0"),
        ] as [(String, String, String, Int, String)])
    func ranges(_ text: String, _ first: String, _ last: String, _ count: Int, _ network: String) throws {
        let range = try AddressRange(text)
        #expect(range.bounds.first.description == first && range.bounds.last.description == last)
        #expect(range.count == count && range.network == network && range.description == text)
        #expect(range.contains(range.bounds.first) && range.contains(range.bounds.last))
        #expect(range.isIPv6 == text.contains(":") && !range.contains(range.isIPv6 ? .v4(1) : .v6(high: 0, low: 1)))
        var taken: Set<IPAddress> = []
        for place in [0, 1, .max, 12345] as [UInt64] {
            guard let address = range.free(from: place, most: 300, isTaken: taken.contains) else { continue }
            #expect(range.contains(address) && taken.insert(address).inserted)
        }
        if count < 300 {
            while let address = range.free(from: 77, most: 300, isTaken: taken.contains) { #expect(taken.insert(address).inserted) }
            #expect(taken.count == count)
        }
    }

    @Test(
        "What is no range of addresses is refused with a sentence",
        arguments: [
            "", "x", "10.0.0.0/33", "10.0.0.1/24", "10.0.0.0/-1", "10.0.0.0/024", "10.0.0.9-10.0.0.1", "10.0.0.1-fd00::1", "10.0.0.0/24/1",
            "fd00::/129",
        ])
    func noRanges(_ text: String) {
        let error = #expect(throws: InvalidAddressRange.self) { try AddressRange(text) }
        #expect(error?.message.contains("'\(text)' is not a range of addresses") == true)
    }
}
