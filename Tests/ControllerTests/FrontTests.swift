import LBaaS
import Requests
import Testing

@testable import Controller

@Suite("The states of a fleet's front")
struct FrontTests {
    private let bench: Bench
    private static let nodes = #""nodes":[{"id":"1","address":"10.0.0.1","port":80}]"#

    init() throws { bench = try Bench() }

    private func job(_ revision: String, port: Int, more: String = "") -> String {
        #"{"hpcs_action":"UPDATE","hpcs_revision":\#(revision)\#(more),"loadBalancers":[{"id":"a","protocol":"TCP","port":\#(port),\#(Self.nodes)}]}"#
    }

    private func port() -> UInt16? { bench.pipeline.committed[LoadBalancerID("a")]?.loadBalancer.listener.port }

    @Test("An older state than the newest is refused, in a sentence with both numbers, and the answer has the newest; the same one is not")
    func order() throws {
        #expect(try bench.send(raw: job("7", port: 81)).isPass)
        #expect(try bench.send(raw: job("9", port: 82)).isPass)
        let refused = try bench.send(raw: job("8", port: 83))
        #expect(refused.error?.hasPrefix("hpcs_revision: 8 is older than 9, which this worker has from this front; ") == true)
        #expect(refused.frontRevision == 9)
        #expect(port() == 82)
        #expect(try bench.send(raw: job("9", port: 84)).frontRevision == 9)
        #expect(port() == 84)
        #expect(try bench.send(raw: job("8", port: 85, more: #","hpcs_dry_run":true"#)).isPass == false)
        #expect(try bench.send(raw: job("\"10\"", port: 85, more: #","hpcs_dry_run":true"#)).isPass)
        // A plan is no state that came.
        #expect(try bench.send(raw: job("9", port: 86)).isPass)
    }

    @Test("Each front has numbers of its own, and jobs without one are as ever")
    func fronts() throws {
        #expect(try bench.send(raw: job("7", port: 81, more: #","hpcs_front":"x""#)).isPass)
        #expect(try bench.send(raw: job("3", port: 82, more: #","hpcs_front":"y""#)).isPass)
        #expect(try bench.send(raw: job("1", port: 83)).isPass)
        // Nor has a part of the state a number.
        #expect(try bench.send(raw: #"{"hpcs_action":"DELETE","hpcs_revision":"any","hpcs_front":"x"}"#).isPass)
        let refused = try bench.send(raw: job("6", port: 84, more: #","hpcs_front":"x""#))
        #expect(refused.error?.contains("which this worker has from the front 'x'") == true)
        #expect(try bench.send(raw: job("3", port: 84, more: #","hpcs_front":"y""#)).isPass)
    }

    @Test("All parts that are refused for one kind of reason are told at once, to a front alone, and nothing is changed")
    func refusals() throws {
        var capabilities = Capabilities.everything
        capabilities.algorithms.remove(.maglev)
        let bench = try Bench(driver: try RecordingDriver(capabilities: capabilities))
        func list(_ ports: [String]) -> String {
            ports.enumerated().map { #"{"id":"\#($0)","protocol":"TCP",\#($1),\#(Self.nodes)}"# }.joined(separator: ",")
        }
        func update(_ ports: String..., front: Bool = true) throws -> Reply {
            let revision = front ? #""hpcs_revision":7,"# : ""
            return try bench.send(raw: #"{"hpcs_action":"UPDATE",\#(revision)"loadBalancers":[\#(list(ports))]}"#)
        }
        // Of what is not understood.
        let bad = try update(#""port":81"#, #""port":70000"#, #""port":82,"algorithm":"NONE""#, #""port":83"#)
        #expect(bad.refusals?.count == 2 && bad.refusals?.first == bad.error)
        #expect(bad.refusals?.map { $0.prefix(17) } == ["loadBalancers[1].", "loadBalancers[2]."])
        // Of what the driver cannot do, of which there may be thousands.
        let thousands = (0..<3000).map { #""port":\#($0 + 1)"# + ($0 % 3 == 0 ? #","algorithm":"MAGLEV""# : "") }
        let unable = try bench.send(raw: #"{"hpcs_action":"UPDATE","hpcs_revision":7,"loadBalancers":[\#(list(thousands))]}"#)
        #expect(unable.refusals?.count == 1000 && unable.refusals?.last?.hasPrefix("loadBalancers[2997].algorithm: ") == true)
        // Of listeners that are taken.
        let taken = try update(#""port":81"#, #""port":82"#, #""port":81"#, #""port":82"#, #""port":83"#)
        #expect(taken.refusals?.map { $0.prefix(22) } == ["loadBalancers[2].port:", "loadBalancers[3].port:"])
        // One alone is in the error, and another client gets no more than that.
        #expect(try update(#""port":70000"#).refusals == nil)
        #expect(try update(#""port":70000"#, #""port":70000"#, front: false).refusals == nil)
        #expect(try update(#""port":81"#, #""port":81"#, #""port":81"#, front: false).refusals == nil)
        #expect(try bench.committed.isEmpty)
        // All listeners are free again.
        #expect(try update(#""port":81"#, #""port":82"#, #""port":83"#).isPass)
    }

    @Test("A newer state that changes nothing is kept over a restart, without an entry in the journal")
    func restart() throws {
        #expect(try bench.send(raw: job("7", port: 81)).isPass)
        let (revision, last) = bench.pipeline.committed.read { ($0.revision, $0.lastChange?.revision) }
        #expect(try bench.send(raw: job("9", port: 81)).isPass)
        #expect(bench.pipeline.committed.read { $0.revision } == revision + 1)
        #expect(bench.pipeline.committed.read { $0.lastChange?.revision } == last)
        #expect(try bench.send(raw: job("9", port: 81)).isPass)
        #expect(bench.pipeline.committed.read { $0.revision } == revision + 1)
        try bench.restart()
        #expect(try bench.send(raw: job("8", port: 81)).error?.contains("8 is older than 9") == true)
    }

    @Test("Of more fronts than are kept the one that was not heard of for longest is forgotten, over a restart too")
    func many() throws {
        for number in 0...FrontTable.capacity {
            #expect(try bench.send(raw: job("\(number + 5)", port: 81, more: #","hpcs_front":"f\#(number)""#)).isPass)
        }
        try bench.restart()
        #expect(bench.pipeline.committed.read { $0.wanted.fronts.fronts.count } == FrontTable.capacity)
        #expect(bench.pipeline.committed.read { $0.wanted.fronts["f0"] } == nil)
        #expect(bench.pipeline.committed.read { $0.wanted.fronts["f1"] } == 6)
    }

    @Test("A state whose change is refused was not taken")
    func refused() throws {
        #expect(try bench.send(raw: job("7", port: 81)).isPass)
        #expect(try bench.send(raw: job("9", port: 0)).isPass == false)
        bench.driver.fail("a")
        #expect(try bench.send(raw: job("9", port: 82)).isPass == false)
        bench.driver.fail(nil)
        #expect(try bench.send(raw: job("8", port: 83)).isPass)
    }

    @Test(
        "What is no number of a state is refused",
        arguments: [
            (#""hpcs_action":"UPDATE","hpcs_revision":-1"#, "hpcs_revision: -1 is not the number of a state (0 to 9223372036854775806)"),
            (#""hpcs_action":"UPDATE","hpcs_revision":1.5"#, "hpcs_revision: 1.5 is not the number of a state (0 to 9223372036854775806)"),
            (#""hpcs_action":"UPDATE","hpcs_revision":{}"#, "hpcs_revision: {} is not the number of a state (0 to 9223372036854775806)"),
            (
                #""hpcs_action":"UPDATE","hpcs_revision":99999999999999999999"#,
                "hpcs_revision: 99999999999999999999 is not the number of a state (0 to 9223372036854775806)"
            ),
            (#""hpcs_action":"UPDATE","hpcs_revision":1,"hpcs_front":5"#, "hpcs_front: 5 is not the name of a front (a string)"),
            (#""hpcs_action":"UPDATE","hpcs_front":"x""#, "hpcs_front: \"x\" names a front, whose hpcs_revision is missing"),
            (#""hpcs_action":"UPDATE","hpcs_Revision":1"#, "hpcs_Revision: "),
        ])
    func invalid(_ members: String, _ sentence: String) throws {
        let reply = try bench.send(raw: "{\(members),\"loadBalancers\":[]}")
        #expect(reply.error?.hasPrefix(sentence) == true, "\(reply.error ?? "PASS")")
        #expect(bench.pipeline.committed.read { $0.wanted.fronts } == FrontTable())
    }
}
