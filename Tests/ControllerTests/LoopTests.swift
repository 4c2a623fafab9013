import LBaaS
import Requests
import Testing

@testable import Controller

@Suite("Traffic that would come back to where it came from")
struct LoopTests {
    private let pipeline: CommitPipeline
    private let driver: RecordingDriver

    init() throws {
        let driver = try RecordingDriver()
        self.driver = driver
        let now = Timestamp(microseconds: 1)
        pipeline = try CommitPipeline(
            driver: driver, driverName: "fake", store: nil, log: .silent,
            hostAddresses: { Set([IPAddress("10.0.0.9")].compactMap(\.self)) }, clock: { Moment(steady: now, wall: now) })
        driver.clear()
    }

    private func lb(_ id: String, _ port: UInt16, at address: String? = nil, to target: String, _ targetPort: UInt16) throws -> LoadBalancer
    {
        var loadBalancer = LoadBalancer(
            id: LoadBalancerID(id), serviceProtocol: .tcp, address: address.flatMap { IPAddress($0) }, port: port)
        let host = try #require(HostAddress(target))
        loadBalancer.nodes = [Node(id: "n", address: host, port: targetPort)]
        return loadBalancer
    }

    @Test(
        "is refused at its node, whatever the address of the host is called, and a dry run says the same",
        arguments: [("127.0.0.1", "127.0.0.1"), (nil, "127.0.0.1"), ("0.0.0.0", "127.0.0.2"), (nil, "10.0.0.9"), ("10.0.0.9", "10.0.0.9")])
    func itself(address: String?, target: String) throws {
        let change = WantedChange.create([try lb("a", 80, at: address, to: target, 80)])
        let outcome = pipeline.commit(change)
        #expect(
            outcome.failure?.hasPrefix("loadBalancers[0].nodes[0].address: is where this load balancer listens itself") == true,
            "\(outcome)")
        #expect(pipeline.run(.plan(change)).failure == outcome.failure)
        #expect(driver.calls.isEmpty)
        // The listener is free again.
        #expect(pipeline.commit(.create([try lb("b", 80, at: address, to: "10.1.1.1", 80)])).isChanged)
    }

    @Test("is refused over others, in one request and in two, and what does not come back is not")
    func others() throws {
        #expect(pipeline.commit(.create([try lb("a", 80, to: "127.0.0.1", 81)])).isChanged)
        let back = pipeline.commit(.create([try lb("b", 81, to: "127.0.0.1", 80)]))
        #expect(back.failure?.contains("leads back to this load balancer over 'a'") == true, "\(back)")
        #expect(pipeline.commit(.create([try lb("b", 81, to: "127.0.0.1", 82)])).isChanged)
        let both = pipeline.commit(.create([try lb("c", 90, to: "127.0.0.1", 91), try lb("d", 91, to: "127.0.0.1", 90)]))
        #expect(both.failure?.contains("leads back") == true)
        #expect(pipeline.commit(.create([try lb("e", 90, to: "10.0.0.8", 90)])).isChanged)
        #expect(pipeline.count == 3)
    }

    @Test("is refused where an UPDATE makes two load balancers lead to each other, of new ones and of those that are there")
    func update() throws {
        func pair(_ targetA: UInt16, _ targetB: UInt16) throws -> [LoadBalancer] {
            [try lb("a", 80, to: "127.0.0.1", targetA), try lb("b", 81, to: "127.0.0.1", targetB)]
        }
        func isRefused(_ loadBalancers: [LoadBalancer], over other: String) -> Bool {
            let change = WantedChange.update(loadBalancers)
            let sentence = pipeline.commit(change).failure
            #expect(pipeline.run(.plan(change)).failure == sentence)
            return sentence?.contains("nodes[0].address: leads back to this load balancer over \(other)") == true
        }
        #expect(try isRefused(pair(81, 80), over: "'b'"))
        #expect(pipeline.count == 0 && driver.calls.isEmpty)
        #expect(pipeline.commit(.update(try pair(81, 9000))).isChanged)
        #expect(try isRefused(pair(81, 80), over: "'a'"))
        // The other way round is no loop, and both turn in one request.
        #expect(pipeline.commit(.update(try pair(9000, 80))).isChanged)
        // Nor is a loop whose last part the same request takes away.
        #expect(pipeline.commit(.update([try lb("a", 80, to: "127.0.0.1", 81)])).isChanged)
        #expect(try isRefused([pair(81, 82)[0], pair(81, 82)[1], lb("c", 82, to: "127.0.0.1", 80)], over: "'c', 'a'"))
        #expect(try driver.running == ["a": lb("a", 80, to: "127.0.0.1", 81)])
    }
}
