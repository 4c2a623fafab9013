import Testing
import TestSupport
import WorkerHarness

extension RealServers {
    /// Traffic that would come back to where it came from.
    @Suite struct Loops {
        @Test(arguments: ["dummy", "haproxy"])
        func aLoopIsRefusedAndADryRunSaysTheSame(driver: String) async throws {
            try await withHAProxy { rig, options in
                let gearmand = try await rig.startGearmand()
                var options = options
                options.servers = [gearmand.address]
                options.driver = driver
                if driver == "dummy" { options.configuration = "" }
                _ = try await rig.startWorker(options)
                func lb(_ id: String, _ port: UInt16, to target: UInt16) -> JSON {
                    let node: JSON = ["id": "n", "address": "127.0.0.1", "port": .number(Double(target))]
                    return [
                        "id": .string(id), "protocol": "TCP", "address": "127.0.0.1", "port": .number(Double(port)),
                        "nodes": .array([node]),
                    ]
                }
                let (a, b, other) = (try freePort(), try freePort(), try freePort())
                func isRefused(_ action: String, _ loadBalancers: JSON...) async throws -> Bool {
                    let trial = try await gearmand.ask(job(action, loadBalancers, dryRun: true))["hpcs_error"].text
                    let sentence = try await gearmand.ask(job(action, loadBalancers))["hpcs_error"].text
                    #expect(trial == sentence)
                    return sentence?.contains("its traffic would go round in a loop") == true
                }
                #expect(try await isRefused("CREATE", lb("a", a, to: a)))
                #expect(try await isRefused("UPDATE", lb("a", a, to: b), lb("b", b, to: a)))
                #expect(try await gearmand.ask(job("STATS"))["nodes"].elements.isEmpty)
                try await gearmand.succeed(job("UPDATE", lb("a", a, to: b), lb("b", b, to: other)))
                #expect(try await isRefused("UPDATE", lb("a", a, to: b), lb("b", b, to: a)))
                #expect(try await isRefused("CREATE", lb("b", b, to: a)))
                try await gearmand.succeed(job("UPDATE", lb("a", a, to: other), lb("b", b, to: a)))
            }
        }
    }
}
