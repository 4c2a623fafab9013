import FleetModel
import FleetStore
import HostSystem
import JSON
import LBaaS
import Testing

@testable import FleetDispatch

/// The rules by which a wanted state is brought to a worker, without one.
@Suite struct TransferTests {
    private func answer(_ text: String) throws -> WorkerAnswer { WorkerAnswer(Array(text.utf8), try #require(JSONTokenizer())) }

    /// A state with these load balancers, of revision 10, whose parts have the revisions 1, 2, ….
    private func state(_ names: String...) async throws -> FleetDispatch.WantedState {
        let store = MemoryStore()
        for name in names {
            var transaction = StoreTransaction()
            transaction.put(FleetKey.wantedLoadBalancer(worker: "w", listener: name).text, Array("{\"id\":\"\(name)\"}".utf8))
            try store.commit(transaction)
        }
        let cache = try FleetCache(store, groups: [])
        try cache.start()
        defer { cache.stop() }
        let parts = cache.read { $0.wanted["w"]?.loadBalancers ?? [:] }.sorted { $0.key < $1.key }
        return FleetDispatch.WantedState(
            revision: 10, loadBalancers: parts.map { ($0.key, $0.value) }, virtualIPs: [], hasVirtualIPs: false)
    }

    @Test("A job has all parts, the revision and the id of the store")
    func job() async throws {
        let transfer = StateTransfer(try await state("a", "b"))
        let text = #"{"hpcs_action":"UPDATE","hpcs_front":"f\"1","hpcs_revision":10,"loadBalancers":[{"id":"a"},{"id":"b"}]}"#
        #expect(String(decoding: transfer.job(front: "f\"1"), as: UTF8.self) == text)
        let addresses = WorkerJob.update(front: "f", revision: 1, loadBalancers: [], virtualIPs: [Array("{}".utf8), Array("{}".utf8)])
        #expect(
            String(decoding: addresses, as: UTF8.self)
                == #"{"hpcs_action":"UPDATE","hpcs_front":"f","hpcs_revision":1,"loadBalancers":[],"virtualIPs":[{},{}]}"#)
    }

    /// The list of virtual IPs of a worker's job, of a fleet in which it has what it says.
    private func sent(_ groups: [FleetGroup], settled: SettledRecord? = nil, wanted: Bool = false) throws -> String? {
        let store = MemoryStore()
        var transaction = StoreTransaction()
        if let settled { transaction.put(FleetKey.settled(worker: "w").text, settled.json) }
        if wanted { transaction.put(FleetKey.wantedVirtualIP(worker: "w", address: "10.0.0.1").text, Array("{}".utf8)) }
        try store.commit(transaction)
        let cache = try FleetCache(store, groups: groups)
        try cache.start()
        defer { cache.stop() }
        let state = cache.read { FleetDispatch.WantedState(of: "w", $0) }
        let job = String(decoding: StateTransfer(state.ordered).job(front: "f"), as: UTF8.self)
        return job.firstRange(of: "\"virtualIPs\":").map { String(job[$0.upperBound...].dropLast()) }
    }

    @Test("Virtual IPs are sent where the group has an interface, or the worker has some, which are taken from it; others are left alone")
    func virtualIPs() async throws {
        func group(_ interface: String?) -> [FleetGroup] { [FleetGroup(name: "g", workers: ["w"], addresses: [], interface: interface)] }
        let given = SettledRecord(revision: 1, time: Timestamp(microseconds: 1), hasVirtualIPs: true)
        let none = SettledRecord(revision: 1, time: Timestamp(microseconds: 1))
        #expect(try sent(group("eth0")) == "[]")
        #expect(try sent(group("eth0"), wanted: true) == "[{}]")
        for groups in [group(nil), []] {
            #expect(try sent(groups, settled: given) == "[]")
            #expect(try sent(groups, settled: none) == nil)
            #expect(try sent(groups) == nil)
            #expect(try sent(groups, settled: given, wanted: true) == "[{}]")
        }
    }

    @Test("A part that is refused is left out by its place in the job that was sent, and told with the worker's sentence")
    func refusal() async throws {
        var transfer = StateTransfer(try await state("a", "b", "c"))
        let refused = #"{"hpcs_response": "FAIL", "hpcs_error": "loadBalancers[1].port: 70000 is not a port (1 to 65535)"}"#
        #expect(transfer.take(try answer(refused)) == .again)
        #expect(transfer.names == ["a", "c"])
        let next = #"{"hpcs_response": "FAIL", "hpcs_error": "loadBalancers[1]: is foreign"}"#
        #expect(transfer.take(try answer(next)) == .again)
        #expect(transfer.refused["b"] == SettledRecord.Refusal(revision: 2, sentence: "port: 70000 is not a port (1 to 65535)"))
        #expect(transfer.refused["c"] == SettledRecord.Refusal(revision: 3, sentence: "is foreign"))
        #expect(transfer.take(try answer(#"{"hpcs_response": "PASS"}"#)) == .settled)
        // What is the same again is not offered, what has changed is.
        let again = StateTransfer(
            try await state("a", "b", "c"),
            refused: ["b": SettledRecord.Refusal(revision: 2, sentence: "x"), "c": SettledRecord.Refusal(revision: 1, sentence: "x")])
        #expect(again.names == ["a", "c"] && again.refused.keys.sorted() == ["b"])
    }

    @Test("All parts that a worker refuses at once are left out of one job, by their places in the job that was sent")
    func refusals() async throws {
        var transfer = StateTransfer(
            try await state("a", "b", "c", "d", "e"), refused: ["a": SettledRecord.Refusal(revision: 1, sentence: "before")])
        let both = #"["loadBalancers[0].port: x", "loadBalancers[3]: y"]"#
        let refused = #"{"hpcs_response": "FAIL", "hpcs_error": "loadBalancers[0].port: x", "hpcs_refusals": \#(both)}"#
        #expect(transfer.take(try answer(refused)) == .again)
        #expect(transfer.names == ["c", "d"])
        #expect(transfer.refused["b"]?.sentence == "port: x" && transfer.refused["e"]?.sentence == "y")
        // Something that is no part, or the same part again, would go on for ever.
        for list in [#"["loadBalancers[0].port: x", "no part"]"#, #"["loadBalancers[0]: x", "loadBalancers[9]: y"]"#] {
            let text = #"{"hpcs_response": "FAIL", "hpcs_error": "whole", "hpcs_refusals": \#(list)}"#
            var other = transfer
            #expect(other.take(try answer(text)) == .failed("whole"))
        }
    }

    @Test("Counters grow by what a worker has counted since, and begin anew with it")
    func statistics() throws {
        func added(_ text: String, to record: StatisticsRecord) throws -> StatisticsRecord {
            let reply = #"{"hpcs_response": "PASS", "loadBalancers": [{"id": "a", \#(text)}]}"#
            return record.adding(try #require(try answer(reply).traffic.first))
        }
        // What an earlier version has noted.
        var record = StatisticsRecord()
        (record.bytesOut, record.mark) = (100, "90")
        record = try added(#""bytes_out_total": 95, "bytes_in_total": 30, "connections_total": 4, "connections": 2"#, to: record)
        #expect([record.bytesOut, record.bytesIn, record.totalConnections, record.activeConnections] == [105, 30, 4, 2])
        let again = try added(#""bytes_out_total": 95, "bytes_in_total": 30, "connections_total": 4, "connections": 2"#, to: record)
        #expect(again == record)
        record = try added(#""bytes_out_total": 96, "bytes_in_total": 33, "connections_total": 5"#, to: record)
        #expect([record.bytesOut, record.bytesIn, record.totalConnections, record.activeConnections] == [106, 33, 5, 0])
        // The load balancer was made again.
        record = try added(#""bytes_out_total": 7, "bytes_in_total": 40, "connections_total": 1"#, to: record)
        #expect([record.bytesOut, record.bytesIn, record.totalConnections] == [113, 73, 6])
        // An old worker tells the bytes that were sent alone.
        record = try added(#""bytes_out_total": 8"#, to: record)
        #expect([record.bytesOut, record.bytesIn, record.totalConnections] == [114, 73, 6])
    }

    @Test("Sentences are cut where there are more than a value of the store has room for")
    func fitting() {
        let refused = (0..<4000).map { ("\($0)", SettledRecord.Refusal(revision: $0, sentence: String(repeating: "x", count: 500))) }
        let record = SettledRecord(
            revision: 1, time: Timestamp(microseconds: 1), refused: Dictionary(refused) { first, _ in first })
        let cut = record.fitting(StoreLimits.valueSize)
        #expect(cut.json.count <= StoreLimits.valueSize && cut.refused.count == 4000 && cut.refused["7"]?.sentence.count == 60)
        #expect(record.fitting(1 << 30) == record)
    }

    @Test("A failure that is about no part, or about one that was not sent, is one of the whole worker")
    func failures() async throws {
        let sentences = [
            "the appliance does not answer", "loadBalancers[7]: is bad", "loadBalancers: is bad", "loadBalancers[99999999999]: x",
            "virtualIPs[0]: x",
        ]
        for sentence in sentences {
            var transfer = StateTransfer(try await state("a"))
            let text = #"{"hpcs_response": "FAIL", "hpcs_error": "\#(sentence)"}"#
            #expect(transfer.take(try answer(text)) == .failed(sentence))
            #expect(transfer.refused.isEmpty)
        }
        for text in ["", "[]", "{}", "null", #"{"hpcs_response": 1}"#, "{", #"{"hpcs_response": "FAIL"}"#] {
            var transfer = StateTransfer(try await state("a"))
            guard case .failed = transfer.take(try answer(text)) else {
                Issue.record("\(text) is taken for an answer")
                continue
            }
        }
    }

    @Test("A worker that has a newer state says which")
    func older() async throws {
        var transfer = StateTransfer(try await state("a"))
        let text = #"{"hpcs_response": "FAIL", "hpcs_error": "hpcs_revision: 10 is older than 12", "hpcs_revision": 12}"#
        #expect(transfer.take(try answer(text)) == .older(than: 12, "hpcs_revision: 10 is older than 12"))
    }

    @Test("STATS and METRICS are read, also of a worker that has nothing")
    func reports() throws {
        let stats = try answer(
            #"{"hpcs_response":"PASS","nodes":[{"id":"n","status":"UP","loadBalancer":"a"},{"id":"m","status":"DOWN","loadBalancer":"a"},7]}"#
        )
        #expect(stats.nodes == ["a": ["n": true, "m": false]] && stats.error == nil)
        let metrics = try answer(#"{"hpcs_response":"PASS","loadBalancers":[{"id":"a","bytes_out":1,"bytes_out_total":5},{"id":"b"}]}"#)
        #expect(metrics.traffic == [WorkerAnswer.Traffic(id: "a", bytesOut: 5, bytesIn: 0, connections: 0, active: nil)])
        let deleted = try answer(#"{"hpcs_response":"FAIL","status":"DELETED","hpcs_error":"Invalid operation STATS on a deleted LB."}"#)
        #expect(deleted.error == nil && deleted.nodes.isEmpty)
    }
}
