import Foundation
import Glibc
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// What running workers tell of their virtual IPs for Prometheus, and of others who have their addresses.
    @Suite("Metrics of virtual IPs", .enabled(if: geteuid() == 0, "needs root")) struct VirtualIPMetricsTests {
        private static let address = VirtualIPHost.address

        private func scrape(_ host: VirtualIPHost) async throws -> [String: Double] {
            let text = try await host.ask("GET", "/metrics").body
            #expect(try await onThread { try runProgram("/usr/bin/promtool", ["check", "metrics"], input: text) } == "")
            return samples(text)
        }

        /// Waits until a host has these figures.
        private func has(_ host: VirtualIPHost, _ wanted: [String: Double]) async throws {
            var found: [String: Double] = [:]
            do {
                try await eventually("the metrics of host \(host.number)") {
                    found = try await scrape(host)
                    return wanted.allSatisfy { found[$0.key] == $0.value }
                }
            } catch {
                let differing = wanted.filter { found[$0.key] != $0.value }.keys.sorted()
                throw Failure("\(error): \(differing.map { "\($0) \(found[$0].map { "\($0)" } ?? "absent")" })")
            }
        }

        /// The figures of the address in a state.
        private func figures(_ state: String, isOwner: Bool) -> [String: Double] {
            let labels = #"address="\#(Self.address)",interface="eth0""#
            var figures = Dictionary(
                uniqueKeysWithValues: ["BOOTING", "ACTIVATED", "STANDBY", "FAILING"].map {
                    (#"lbaas_virtual_ip_state{\#(labels),state="\#($0)"}"#, $0 == state ? 1.0 : 0)
                })
            figures["lbaas_virtual_ip_bound{\(labels)}"] = isOwner ? 1 : 0
            figures[#"lbaas_ip_owner{address="\#(Self.address)"}"#] = isOwner ? 1 : 0
            return figures
        }

        private func counter(_ name: String) -> String { #"lbaas_virtual_ip_\#(name)_total{address="\#(Self.address)"}"# }

        @Test("tell each host's state, who owns the address, and whether etcd is reached")
        func cluster() async throws {
            try await VirtualIPHost.withCluster("policy = at_most_one") { hosts, links in
                try await hosts[0].start().says("started")
                try await hosts[0].takesOver()
                try await hosts[1].start().says("another host owns the name")
                let turned = #"lbaas_virtual_ip_transitions_total{address="\#(Self.address)",state="ACTIVATED"}"#
                try await has(
                    hosts[0],
                    figures("ACTIVATED", isOwner: true).merging(
                        ["lbaas_cluster_connected": 1, turned: 1, counter("rival_frames"): 0], uniquingKeysWith: { $1 }))
                try await has(
                    hosts[1], figures("STANDBY", isOwner: false).merging(["lbaas_cluster_connected": 1], uniquingKeysWith: { $1 }))
                #expect(try await scrape(hosts[0])[counter("announcements")] ?? 0 >= 1)
                #expect(try await scrape(hosts[1])[counter("announcements")] == 0)
                links[0].set(.cut)
                try await hosts[1].takesOver()
                try await has(
                    hosts[0], figures("STANDBY", isOwner: false).merging(["lbaas_cluster_connected": 0], uniquingKeysWith: { $1 }))
                try await has(hosts[1], figures("ACTIVATED", isOwner: true))
            }
        }

        @Test("count what two hosts claim that do not know of each other, and the events name the other one")
        func rivals() async throws {
            let lab = try EthernetLab(hosts: 2)
            try await withRig { rig in
                // Each believes that it is alone.
                let hosts = [1, 2].map { VirtualIPHost(rig: rig, lab: lab, number: $0) }
                try await hosts[0].start().says("started")
                try await hosts[0].takesOver()
                let events = try hosts[0].followEvents()
                try await hosts[1].start().says("started")
                let hardware = "\"hardware_address\": \"\(EthernetLab.hardwareAddress(2))\""
                try await eventually("the event of the other host") {
                    let lines = try events()
                    return lines.contains("event: virtual_ip_rival")
                        && lines.contains { $0.contains("\"address\": \"\(Self.address)\"") && $0.contains(hardware) }
                }
                for host in hosts {
                    try await eventually("host \(host.number) counts the frames of the other") {
                        try await scrape(host)[counter("rival_frames")] ?? 0 >= 1
                    }
                    try await has(host, figures("ACTIVATED", isOwner: true))
                }
            }
        }
    }
}
