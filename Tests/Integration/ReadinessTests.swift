import EtcdTestSupport
import Foundation
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What a worker says of its being able to work while etcd is away.
    @Suite(.enabled(if: geteuid() == 0, "needs root")) struct Readiness {
        private static let away = "etcd cannot be reached, so it is not known which host owns the virtual IPs"

        private func withHost(_ body: (VirtualIPHost, EtcdCluster) async throws -> Void) async throws {
            try await EtcdCluster.run { etcd in
                let lab = try EthernetLab()
                let link = try Relay(to: etcd.clientPorts[0], listeningIn: lab.hosts[0])
                defer { link.end() }
                try await withRig { rig in
                    let cluster = "[cluster]\netcd = http://127.0.0.1:\(link.port)\nhost = h1\ntakeover = 1\n"
                    try await body(VirtualIPHost(rig: rig, lab: lab, number: 1, more: cluster), etcd)
                }
            }
        }

        /// Waits until the worker says that it is ready, or that it is not for etcd.
        private func becomes(_ isReady: Bool, _ host: VirtualIPHost) async throws {
            try await eventually("the worker is \(isReady ? "" : "not ")ready") {
                let answer = try await host.ask("GET", "/readyz")
                let reasons = isReady ? "[]" : "[\"\(Self.away)\"]"
                return answer.status == (isReady ? 200 : 503)
                    && answer.body == "{\"ready\": \(isReady), \"reasons\": \(reasons)}\n"
            }
        }

        @Test func aWorkerWhoseEtcdIsAwayIsNotReadyAndDoesTheRest() async throws {
            try await withHost { host, etcd in
                let worker = try host.start()
                try await worker.says("started")
                try await host.takesOver()
                try await becomes(true, host)
                await etcd.kill(0)
                try await becomes(false, host)
                #expect(try await host.ask("GET", "/healthz").status == 200)
                #expect(try await host.ask("GET", "/ips").status == 200)
                let shop = #"{"protocol": "TCP", "port": 81, "nodes": [{"id": "n", "address": "10.0.0.1", "port": 80}]}"#
                #expect(try await host.ask("PUT", "/v1/load-balancers/shop", shop).status == 200)
                try etcd.start(0)
                try await becomes(true, host)
                // One that takes connections, and answers nothing, is away as well.
                try await etcd.freeze(0)
                try await becomes(false, host)
                etcd.thaw(0)
                try await becomes(true, host)
                try await host.takesOver()
            }
        }

        @Test func aWorkerThatStartsWithoutEtcdIsReadyOnceItIsThere() async throws {
            try await withHost { host, etcd in
                await etcd.kill(0)
                _ = try host.start()
                try await eventually("it listens") { (try? await host.ask("GET", "/healthz").status) == 200 }
                try await becomes(false, host)
                try etcd.start(0)
                try await becomes(true, host)
                try await host.takesOver()
            }
        }
    }
}
