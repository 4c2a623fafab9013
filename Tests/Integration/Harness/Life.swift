import Testing
import WorkerHarness

/// What a client does to a load balancer of its own, one job after the other, and what is to be in the end.
struct Life: Sendable {
    /// The load balancer's identity.
    let id: String
    private let port: Int
    /// The load balancer as it is wanted; nil where there is none.
    private(set) var wanted: JSON?
    /// Whether it is suspended.
    private(set) var isSuspended = false
    /// Whether there ever was one.
    private(set) var wasCreated = false

    init(index: Int) {
        id = "life-\(index)"
        port = 10_000 + index
    }

    /// The next job, a random one. What is wanted from then on is noted.
    mutating func next() -> JSON {
        let dice = Int.random(in: 0..<10)
        guard wanted != nil, dice >= 5 else {
            let created = loadBalancer(id, port: port, weights: .random(in: 0...256), .random(in: 0...256))
            (wanted, isSuspended, wasCreated) = (created, false, true)
            return job("CREATE", created)
        }
        if dice == 9 {
            (wanted, isSuspended) = (nil, false)
            return job("DELETE", named(id))
        }
        isSuspended = dice < 7
        return job(isSuspended ? "SUSPEND" : "ENABLE", named(id))
    }

    /// Checks that a worker has exactly these load balancers, each as it is wanted.
    static func check(_ lives: [Life], over gearmand: Gearmand, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        var update = job("UPDATE", dryRun: true)
        update["loadBalancers"] = .array(lives.compactMap(\.wanted))
        let plan = try await gearmand.succeed(update)["plan"].texts
        let suspended = lives.filter(\.isSuspended).map { "enable load balancer '\($0.id)'" }
        #expect(Set(plan) == Set(suspended), sourceLocation: sourceLocation)
        for life in lives where life.wanted == nil && life.wasCreated {
            let reply = try await gearmand.ask(job("STATS", named(life.id)))
            #expect(reply["status"] == "DELETED", sourceLocation: sourceLocation)
        }
    }
}
