import LBaaS
import Testing

@Suite("ARCHIVE")
struct ArchiveTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
        try bench.send("UPDATE", [listed("a", 1), listed("b", 2).replacing("HTTP", with: "tcp")])
    }

    /// Whose logs were stored, and under which ids.
    private var stored: [String] { bench.driver.archived.map { "\($0.loadBalancer.text) as \($0.clientID.text)" } }

    @Test("is of the load balancer with that id, or else of what the client knows by its name or protocol")
    func whose() throws {
        #expect(try bench.archive(#"{"id": "a", "name": "b", "protocol": "TCP"}"#).isPass)
        #expect(try bench.archive(#"{"id": 15, "name": "b", "protocol": "tcp"}"#).isPass)
        try bench.send("CREATE", [listed("tcp", 3).replacing("HTTP", with: "tcp")])
        #expect(try bench.archive(#"{"id": 16, "name": "nothing", "protocol": "TCP"}"#).isPass)
        #expect(stored == ["a as a", "b as 15", "tcp as 16"])
        try bench.send("SUSPEND")
        #expect(try bench.archive(#"{"id": "a", "protocol": "HTTP"}"#).isPass)
    }

    @Test("of what is not there is refused, and so it is where only the name is right")
    func missing() throws {
        for loadBalancer in [#"{"id": "c", "protocol": "HTTP"}"#, #"{"id": "c", "name": "b", "protocol": "HTTP"}"#] {
            let reply = try bench.archive(loadBalancer)
            #expect(reply.error == "loadBalancers[0]: there is no load balancer 'c'" && !reply.isDeleted)
        }
        #expect(stored.isEmpty)
    }

    @Test("after DELETE says so, by whichever name")
    func afterDelete() throws {
        try bench.send("DELETE", named("b"))
        for loadBalancer in [#"{"id": "b", "protocol": "TCP"}"#, #"{"id": 15, "name": "b", "protocol": "TCP"}"#] {
            let reply = try bench.archive(loadBalancer)
            #expect(reply.isDeleted && reply.error == "Invalid operation ARCHIVE on a deleted LB.")
        }
        #expect(stored.isEmpty)
    }

    @Test("that fails says why, and lets the next one in")
    func failing() throws {
        for _ in 0..<3 {
            #expect(try bench.archive(#"{"id": "a", "protocol": "HTTP"}"#, token: "bad").error == "the store wants another token")
        }
        #expect(try bench.archive(#"{"id": "a", "protocol": "HTTP"}"#).isPass)
    }
}
