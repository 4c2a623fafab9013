import Glibc
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// Load balancers that cannot listen: each is refused alone, before haproxy is touched.
@Suite struct ListenerTests {
    @Test(arguments: ["fe80::1", "febf::1:2", "ff02::1", "ff0e::1", "224.0.0.1", "239.255.255.250", "255.255.255.255"])
    func anAddressOnWhichNobodyCanListenIsRefused(text: String) throws {
        let address = try #require(IPAddress(text))
        let refusal = try #require(balancer { $0.address = address }.refusal)
        #expect(refusal.field == "address")
        #expect(refusal.reason.contains(text))
    }

    @Test(arguments: ["127.0.0.1", "0.0.0.0", "223.255.255.255", "::", "::1", "fd00::1", "fec0::1"])
    func anAddressOnWhichSomebodyCanListenIsAccepted(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(balancer { $0.address = address }.refusal == nil)
    }

    @Test func aDryRunSaysTheSameRefusalAsTheChangeAndOthersAreServed() async throws {
        try await withBench { bench in
            let (one, squatter) = (try bench.server("one"), try bench.server("squatter"))
            let port = try freePort()
            let shop = balancer("shop", port: port, to: one)
            bench.run(shop)
            let pid = bench.serving
            let bad = [
                balancer("taken", port: squatter.port, to: one),
                balancer("absent", port: try freePort(), to: one) { $0.address = IPAddress("192.0.2.1") },
                balancer("local", port: try freePort(), to: one) { $0.address = IPAddress("fe80::1") },
                balancer("many", port: try freePort(), to: one) { $0.address = IPAddress("ff02::1") },
            ]
            for loadBalancer in bad {
                let foreseen = try #require(bench.driver.objection(to: bench.groups(to: [shop, loadBalancer])))
                #expect(bench.tryToRun([shop, loadBalancer]) == [foreseen.message])
                #expect(foreseen.message.contains("cannot listen on"))
            }
            #expect(bench.serving == pid)
            let good = balancer("good", port: try freePort(), to: one)
            #expect(bench.driver.objection(to: bench.groups(to: [shop, good])) == nil)
            #expect(bench.tryToRun([shop, good] + bad).count == bad.count)
            #expect(try Page(port).body == "one")
            #expect(try Page(good.port).body == "one")
        }
    }

    @Test func aPlaceIsLookedAtThoughHAProxyHasAPartOfIt() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let port = try freePort()
            func shop(_ address: String) -> LoadBalancer { balancer("shop", port: port, to: one) { $0.address = IPAddress(address) } }
            // Wider, and narrower again, where nothing is in the way.
            bench.run(shop("127.0.0.1"))
            bench.run(shop("0.0.0.0"))
            #expect(try Page(port).body == "one")
            let pid = bench.serving
            func isForeseen(_ loadBalancer: LoadBalancer, _ reason: String) throws -> Bool {
                let foreseen = try #require(bench.driver.objection(to: bench.groups(to: [loadBalancer])))
                #expect(bench.tryToRun([loadBalancer]) == [foreseen.message])
                return foreseen.message.contains(reason) && bench.serving == pid
            }
            #expect(try isForeseen(shop("192.0.2.1"), "Cannot assign requested address"))
            bench.run(shop("127.0.0.1"))
            let next = bench.serving
            let squatter = try Socket(.tcp, for: .v4(0x7F00_0002))
            try squatter.bind(to: .v4(0x7F00_0002), port: port)
            try squatter.listen()
            let foreseen = try #require(bench.driver.objection(to: bench.groups(to: [shop("0.0.0.0")])))
            #expect(foreseen.message.contains("Address already in use"))
            #expect(bench.tryToRun([shop("0.0.0.0")]) == [foreseen.message])
            #expect(bench.serving == next)
            #expect(try Page(port).body == "one")
        }
    }

    @Test func aPortForWhichTheRightsAreMissingIsRefusedUnlessSystemdStartsHAProxy() async throws {
        try await onThread {
            try withoutBindRight {
                var base = BaseConfiguration.example
                let loadBalancer = balancer(port: 81) { $0.address = .v4(0x7F00_0001) }
                let refusal = try #require(PortCheck.refusal(of: loadBalancer, with: base))
                #expect(refusal.contains("Permission denied") && refusal.contains("CAP_NET_BIND_SERVICE"))
                #expect(refusal.contains("lbaas-worker-ports.conf"))
                base.logsByPipe = false
                #expect(PortCheck.refusal(of: loadBalancer, with: base) == nil)
            }
        }
    }

    @Test func moreDescriptorsThanHAProxyMayHaveAreRefused() {
        let big = balancer("big") { $0.nodes = (0..<1000).map { node("n\($0)") } }
        let small = balancer("small")
        var count = DescriptorCount([], limit: 1000)
        #expect(count.add([big])?.contains("'big'") == true)
        #expect(count.add([small]) == nil)
        var unlimited = DescriptorCount([], limit: nil)
        #expect(unlimited.add([big]) == nil)
    }
}

/// Does something on this thread without the right to bind ports below 1024.
private func withoutBindRight(_ body: () throws -> Void) throws {
    typealias Call = @convention(c) (UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>) -> Int32
    let get = unsafeBitCast(try #require(dlsym(nil, "capget")), to: Call.self)
    let set = unsafeBitCast(try #require(dlsym(nil, "capset")), to: Call.self)
    var header: [UInt32] = [0x2008_0522, 0]
    var rights = [UInt32](repeating: 0, count: 6)
    guard get(&header, &rights) == 0 else { throw Failure("capget: \(errno)") }
    var fewer = rights
    fewer[0] &= ~(1 << 10)
    guard set(&header, &fewer) == 0 else { throw Failure("capset: \(errno)") }
    defer { _ = set(&header, &rights) }
    try body()
}
