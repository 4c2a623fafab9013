import LBaaS
import LoadBalancerJSON
import TestSupport
import Testing

/// What the store keeps of a load balancer comes back as it was.
@Suite struct StoredLoadBalancerTests {
    @Test(arguments: 0..<20) func comesBackEqual(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let reader = try #require(StoredLoadBalancerReader())
        for _ in 0..<50 {
            let loadBalancer = generator.loadBalancer()
            let text = StoredLoadBalancer.text(of: loadBalancer)
            let read = try reader.loadBalancer(from: text)
            #expect(read == loadBalancer)
            // Equal strings may differ in their bytes.
            #expect(StoredLoadBalancer.text(of: read) == text)
        }
    }

    @Test func suspensionIsNoPartOfIt() throws {
        var suspended = LoadBalancer(id: LoadBalancerID("a"), serviceProtocol: .tcp, port: 1)
        let text = StoredLoadBalancer.text(of: suspended)
        suspended.isSuspended = true
        #expect(StoredLoadBalancer.text(of: suspended) == text)
        #expect(try #require(StoredLoadBalancerReader()).loadBalancer(from: text).isSuspended == false)
    }

    @Test func defaultsAreLeftOut() {
        var loadBalancer = LoadBalancer(id: LoadBalancerID("a"), serviceProtocol: .http, port: 80)
        loadBalancer.nodes = [Node(id: "\n", address: .name("x"), port: 1)]
        #expect(
            String(decoding: StoredLoadBalancer.text(of: loadBalancer), as: UTF8.self)
                == #"[{"id":"a","protocol":"HTTP","port":80,"nodes":[{"id":"\n","address":"x","port":1}]}]"#)
    }

    @Test(arguments: [
        ("", nil), ("null", nil), ("{", nil), ("[]", "it has 0 load balancers, not one"), ("{}", "job: {} is not a list"),
        ("[{}]", "[0]: Missing 'nodes' element"), ("[null]", "[0]: null is not an object"),
        (#"[{"id":"a","protocol":"HTTP","nodes":[]},{"id":"b","protocol":"HTTP","nodes":[]}]"#, "it has 2 load balancers, not one"),
        (#"[{"id":"a","protocol":"FTP","nodes":[]}]"#, nil), (#"[{"id":"a","protocol":"TCP","nodes":[]}]"#, nil),
        (#"[{"id":"a","protocol":"HTTP","nodes":[{}]}]"#, "[0].nodes[0]: Missing node 'port'"),
        ("[{\"id\":\"a\0\",\"protocol\":\"HTTP\",\"nodes\":[]}]", nil),
    ]) func damageIsNoticed(text: String, reason: String?) throws {
        let reader = try #require(StoredLoadBalancerReader())
        let damage = #expect(throws: StoredLoadBalancerReader.Damage.self) { try reader.loadBalancer(from: Array(text.utf8)) }
        if let reason { #expect(damage?.reason == reason) }
        #expect(damage?.reason.isEmpty == false)
        let good = LoadBalancer(id: LoadBalancerID("a"), serviceProtocol: .http, port: 80)
        #expect(try reader.loadBalancer(from: StoredLoadBalancer.text(of: good)) == good)
    }

    @Test func noBeginningOfATextIsTakenForAll() throws {
        var generator = SeededGenerator(seed: 1)
        let reader = try #require(StoredLoadBalancerReader())
        for _ in 0..<5 {
            let text = StoredLoadBalancer.text(of: generator.loadBalancer())
            for end in stride(from: 0, to: text.count, by: 7) {
                #expect(throws: StoredLoadBalancerReader.Damage.self) { try reader.loadBalancer(from: Array(text[..<end])) }
            }
        }
    }
}
