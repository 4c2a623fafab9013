import Glibc
import TestSupport
import Testing

@testable import HAProxyDriver

/// A haproxy that was started before the worker's unit got the right to listen on ports below 1024.
@Suite struct RightsTests {
    @Test(.enabled(if: getuid() == 0, "only root can start a haproxy with fewer rights"))
    func itIsStartedAnewForAPortBelow1024WithTheRightsOfTheWorker() async throws {
        let folder = try TemporaryFolder()
        try await withBench(["program": folder.path + "/haproxy"]) { bench in
            try bench.makeProgram(
                """
                #!/bin/sh
                [ -e \(folder.path)/right ] || exec setpriv --bounding-set=-net_bind_service haproxy "$@"
                exec haproxy "$@"
                """, at: folder.path + "/haproxy")
            let one = try bench.server("one")
            let low = try #require((600..<1024).map(UInt16.init).shuffled().first { (try? LoopbackSocket.bound(port: $0)) != nil })
            let shop = balancer("shop", port: try freePort(), to: one)
            let other = balancer("other", port: low, to: one)
            bench.run(shop)
            func master() throws -> Int32 { try bench.driver.loader.processTable().master }
            let first = try master()
            #expect(bench.driver.loader.lacksRights)
            #expect(bench.driver.plan(bench.groups(to: [shop, other])).last?.contains("start haproxy anew") == true)
            try bench.write("", to: folder.path + "/right")
            bench.run(shop, other)
            let second = try master()
            #expect(second != first && !bench.driver.loader.lacksRights)
            for port in [shop.port, low] { #expect(try Page(port).body == "one") }
            #expect(try bench.settle() == [])
            // Nothing else is a reason to start it anew.
            bench.run(shop, other, balancer("third", port: try freePort(), to: one))
            #expect(try master() == second)
        }
    }
}
