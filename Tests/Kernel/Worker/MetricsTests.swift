import LBaaS
import TestSupport
import Testing
import WorkerHarness

extension OnKernel {
    /// That each byte is reported once.
    @Suite("METRICS") struct MetricsTests {
        @Test("reports each byte once, whatever becomes of the service and the worker")
        func eachOnce() throws {
            try withLab { lab in
                let family = Family.v4
                let worker = try WorkerBench(in: lab.director)
                let traffic = Traffic(lab, worker, family)
                try lab.serve(.udp, port: 53)
                try lab.serve(.udp, port: 54)
                let listed = { (port: UInt16, weight: Int) in
                    try lab.listed("dns", "UDP", family, port: port, weights: ["r1": weight, "r2": 1])
                }
                try worker.succeed(job("CREATE", try listed(53, 1)))

                try traffic.flow(3, to: 53)
                // A change in place, with traffic before and after that is not counted yet.
                try worker.succeed(job("CREATE", try listed(53, 5)))
                try traffic.flow(3, to: 53)
                try worker.succeed(job("SUSPEND"))
                try traffic.isCounted()
                try worker.advance(seconds: 3)
                #expect(try lab.director.savedTable() == [])
                try worker.succeed(job("ENABLE"))
                try traffic.flow(3, to: 53)
                // One worker ends before it could know of the traffic, and the next one reports it.
                try worker.restart()
                try traffic.flow(3, to: 53)
                try traffic.isReported()
                try lab.director.ipvsadm("-C")
                try worker.resync()
                #expect(try worker.reported("dns") == 0)
                try traffic.flow(3, to: 53)
                try traffic.isCounted()
                // To another port: the old service stands still until all is counted.
                try worker.succeed(job("CREATE", try listed(54, 1)))
                try traffic.flow(3, to: 54)
                try worker.advance(seconds: 3)
                try traffic.isReported()
                #expect(try worker.reported("dns") == 0)
                #expect(try lab.director.savedTable().count == 3)
                try worker.restart()
                #expect(try worker.reported("dns") == 0)
            }
        }

        @Test("reports what a service counted that SUSPEND removed, though the worker ended before it was asked", arguments: [0, 1, 3])
        func suspended(seconds: Int64) throws {
            try withLab { lab in
                let worker = try WorkerBench(in: lab.director)
                let traffic = Traffic(lab, worker, .v6)
                try lab.serve(.udp, port: 53)
                try worker.succeed(job("CREATE", try lab.listed("dns", "UDP", .v6, port: 53, weights: ["r1": 1, "r2": 1])))
                try traffic.flow(3, to: 53)
                try worker.succeed(job("SUSPEND"))
                try traffic.isCounted()
                try worker.advance(seconds: seconds)
                #expect(try lab.director.savedTable().isEmpty == (seconds == 3))
                try worker.restart()
                try worker.advance(seconds: 3)
                #expect(try lab.director.savedTable().isEmpty)
                try traffic.isReported()
                #expect(try worker.reported("dns") == 0)
            }
        }

        @Test("reports what ipvsadm shows, of connections that run on while their node drains")
        func connections() throws {
            try withLab { lab in
                try lab.serve(.tcp)
                let worker = try WorkerBench(in: lab.director)
                try worker.succeed(job("CREATE", try lab.listed("web", "TCP", .v6, weights: ["r1": 1, "r2": 1])))
                let service = Service(transport: .tcp, family: .v6)
                let running = try ["r1", "r2"].map { try lab.connect(service, reaching: $0) }
                try worker.succeed(job("CREATE", try lab.listed("web", "TCP", .v6, weights: ["r2": 1])))
                for connection in running { for _ in 0..<5 { try connection.ask() } }
                let payload = running.map(\.received.bytes).reduce(0, +)
                var (reported, shown) = (0, 0)
                try waitUntil("all is reported") {
                    reported += try worker.reported()
                    shown = try lab.director.bytesOut()
                    // Each packet has a header of 72 bytes.
                    return reported == shown && reported >= payload + 12 * 72
                }
                #expect(reported == shown)
            }
        }
    }
}

/// Datagrams through a load balancer "dns", and what is said of them.
private final class Traffic {
    private let lab: Lab
    private let worker: WorkerBench
    private let family: Family
    /// The bytes that real servers sent, headers and all, since the service was made last, and in all.
    private var sinceBegin = 0
    private var sent = 0
    private var reported = 0

    init(_ lab: Lab, _ worker: WorkerBench, _ family: Family) { (self.lab, self.worker, self.family) = (lab, worker, family) }

    /// Lets so many clients ask.
    func flow(_ clients: Int, to port: UInt16) throws {
        for _ in 0..<clients {
            let client = try lab.connect(Service(transport: .udp, family: family, port: port))
            for _ in 0..<3 { try client.ask() }
            let header = (family == .v4 ? 20 : 40) + 8
            let bytes = client.received.times * header + client.received.bytes
            sent += bytes
            sinceBegin += bytes
        }
    }

    /// Waits until the kernel has counted what was sent since this was asked last; the service is made anew then.
    func isCounted() throws {
        try waitUntil("the kernel counts \(sinceBegin) bytes") { try lab.director.bytesOut() >= sinceBegin }
        #expect(try lab.director.bytesOut() == sinceBegin)
        sinceBegin = 0
    }

    /// Waits until METRICS has reported all that was sent. The service is made anew then.
    func isReported() throws {
        try waitUntil("METRICS reports \(sent) bytes, of which are missing \(sent - reported)") {
            reported += try worker.reported("dns")
            return reported >= sent
        }
        #expect(reported == sent)
        sinceBegin = 0
    }
}

extension Namespace {
    /// The bytes that the services of the table sent to clients, as `ipvsadm` shows them.
    fileprivate func bytesOut() throws -> Int {
        try listed("--stats").filter { ["TCP", "UDP"].contains($0[0]) }.compactMap { $0.last.flatMap { Int($0) } }.reduce(0, +)
    }
}
