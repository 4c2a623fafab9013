import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// Workers with a virtual IP, each in a network namespace.
    @Suite("Virtual IPs of workers", .enabled(if: geteuid() == 0, "needs root")) struct VirtualIPTests {
        private static let address = VirtualIPHost.address

        @Test("One host alone has the address from the start of the worker to its stop")
        func alone() async throws {
            try await VirtualIPHost.alone { host in
                let worker = try host.start()
                try await host.takesOver()
                try await worker.says("started")
                #expect(try host.hasAddress("10.0.0.1"))
                try await worker.stopsInGoodOrder()
                #expect(try !host.hasAddress())
                #expect(try host.hasAddress("10.0.0.1"))
            }
        }

        @Test("A worker that is started again keeps the address", arguments: [SIGKILL, SIGTERM])
        func restart(signal: Int32) async throws {
            let lab = try EthernetLab()
            try await withRig { rig in
                let host = VirtualIPHost(rig: rig, lab: lab, number: 1, more: "[cluster]\nrelease_on_stop = no")
                let first = try host.start()
                try await host.takesOver()
                try await first.says("started")
                _ = try await first.end(by: signal)
                #expect(try host.serves())
                let second = try host.start()
                try await second.says("\(Self.address) is ACTIVATED")
                try await second.says("started")
                #expect(try host.serves())
                // It was never taken away, so it did not have to be bound.
                #expect(try second.log.lines("\(Self.address) is bound").isEmpty)
            }
        }

        @Test("A worker whose configuration has the address no more removes what one before left")
        func leftover() async throws {
            try await VirtualIPHost.alone { host in
                let first = try host.start()
                try await host.takesOver()
                _ = try await first.end(by: SIGKILL)
                let second = try host.start("[virtual_ip:two]\naddress = 10.0.0.101\ninterface = eth0")
                try await second.says("10.0.0.101 is bound")
                try await eventually("the old address is gone") { try !host.hasAddress() }
                #expect(try host.hasAddress("10.0.0.1") && host.hasAddress("10.0.0.101"))
            }
        }

        @Test("An address of the host itself ends the start, and is left alone")
        func ownAddress() async throws {
            try await VirtualIPHost.alone { host in
                try host.namespace.ip("addr add \(Self.address)/24 dev eth0")
                let worker = try host.start()
                #expect(try await worker.process.end() == .exit(78))
                #expect(worker.log.text.contains("\(Self.address) cannot be a virtual IP: it is an address of the host itself"))
                #expect(try host.hasAddress())
            }
        }

        @Test("A worker without the capabilities ends with a sentence that names them")
        func capabilities() async throws {
            let lab = try EthernetLab()
            try await withRig { rig in
                let drop = "-net_admin,-net_raw"
                let worker = try VirtualIPHost(rig: rig, lab: lab, number: 1).start(
                    launcher: ["/usr/bin/setpriv", "--bounding-set=\(drop)", "--inh-caps=\(drop)"])
                #expect(try await worker.process.end() == .exit(71))
                #expect(worker.log.text.contains("need the capabilities CAP_NET_ADMIN and CAP_NET_RAW"), "\(worker.log.text)")
            }
        }

        @Test("Another host takes over from a worker that is killed, and from one that stops", arguments: ["at_most_one", "at_least_one"])
        func failover(policy: String) async throws {
            try await VirtualIPHost.withCluster("policy = \(policy)") { hosts, _ in
                let first = try hosts[0].start()
                try await hosts[0].takesOver()
                let second = try hosts[1].start()
                try await second.says("the cluster is reached")
                #expect(try !hosts[1].hasAddress())
                _ = try await first.end(by: SIGKILL)
                try await hosts[1].takesOver()
                if policy == "at_most_one" {
                    // Nobody runs there: the kernel removes it.
                    try await eventually("the address of the killed worker is gone") { try !hosts[0].hasAddress() }
                }
                let third = try hosts[0].start()
                try await third.says("the cluster is reached")
                try await eventually("the first host has given the address up") { try !hosts[0].hasAddress() }
                #expect(try hosts[1].serves())
                try await second.stopsInGoodOrder()
                #expect(try !hosts[1].hasAddress())
                try await hosts[0].takesOver()
                try await third.stopsInGoodOrder()
                #expect(try !hosts[0].hasAddress())
            }
        }

        @Test("Another host takes over from a worker that is frozen, which gives the address up when it goes on")
        func frozen() async throws {
            try await VirtualIPHost.withCluster("policy = at_most_one") { hosts, _ in
                let first = try hosts[0].start()
                try await hosts[0].takesOver()
                let second = try hosts[1].start()
                try await second.says("another host owns the name")
                first.process.send(SIGSTOP)
                try await hosts[1].takesOver()
                first.process.send(SIGCONT)
                try await first.says("another host owns the name")
                try await eventually("the first host has given the address up") { try !hosts[0].hasAddress() }
                #expect(try hosts[1].serves())
            }
        }

        @Test("Another host takes over from a worker that has no processor time, which gives the address up when it has some")
        func starved() async throws {
            try await VirtualIPHost.withCluster("policy = at_most_one") { hosts, _ in
                let first = try hosts[0].start()
                try await hosts[0].takesOver()
                try await hosts[1].start().says("another host owns the name")
                let limit = try ProcessorLimit(of: first.process.pid, to: .milliseconds(1), of: .seconds(1))
                try await hosts[1].takesOver()
                limit.end()
                try await first.says("another host owns the name")
                try await eventually("the first host has given the address up") { try !hosts[0].hasAddress() }
                #expect(try hosts[1].serves())
            }
        }

        @Test("An owner that is started again within the takeover time stays the owner")
        func restartInCluster() async throws {
            try await VirtualIPHost.withCluster("policy = at_most_one", { _ in "release_on_stop = no\n" }) { hosts, _ in
                let first = try hosts[0].start()
                try await hosts[0].takesOver()
                try await first.stopsInGoodOrder()
                let second = try hosts[0].start()
                try await second.says("this host owns the name")
                try await hosts[0].takesOver()
            }
        }

        @Test("An owner whose kernel refuses the address gives it up, and keeps its others")
        func refusal() async throws {
            let v6 = EthernetLab.v6
            let section = "policy = at_least_one\n[virtual_ip:six]\naddress = \(v6)\ninterface = eth0"
            try await VirtualIPHost.withCluster(section) { hosts, _ in
                try hosts[0].namespace.set(["net.ipv6.conf.eth0.disable_ipv6": 1])
                let first = try hosts[0].start()
                try await first.says("\(v6): cannot bind it to eth0")
                _ = try hosts[1].start()
                try await eventually("host 2 has the address") { try hosts[1].hasAddress("\(v6)") }
                #expect(try hosts[0].serves())
            }
        }

        @Test("What a killed worker owned is given up on request", arguments: ["at_most_one", "at_least_one"])
        func release(policy: String) async throws {
            // Nobody takes over by itself while the test runs.
            try await VirtualIPHost.withCluster("policy = \(policy)", takeover: 60) { hosts, links in
                let release = ["--release-virtual-ips"]
                let first = try hosts[0].start()
                try await hosts[0].takesOver()
                try await first.says("started")
                let second = try hosts[1].start()
                try await second.says("another host owns the name")
                func ends(_ release: WorkerProcess, with code: Int32) async throws {
                    #expect(try await release.process.end() == .exit(code), "\(release.log.text)")
                }
                // A worker runs, ended in good order, or the cluster is not there.
                try await ends(try hosts[0].start(arguments: release), with: 75)
                #expect(try hosts[0].serves())
                _ = try await first.end(by: SIGKILL)
                try await ends(try hosts[0].start(launcher: ["/usr/bin/env", "SERVICE_RESULT=success"], arguments: release), with: 0)
                links[0].set(.cut)
                try await ends(try hosts[0].start(arguments: release), with: 75)
                #expect(try hosts[0].serves())
                links[0].set(.open)
                try await ends(try hosts[0].start(arguments: release), with: 0)
                #expect(try !hosts[0].hasAddress())
                try await hosts[1].takesOver()
            }
        }

        @Test("An owner that loses its link to etcd gives the address up")
        func partition() async throws {
            try await VirtualIPHost.withCluster("policy = at_most_one") { hosts, links in
                _ = try hosts[0].start()
                try await hosts[0].takesOver()
                let second = try hosts[1].start()
                try await second.says("the cluster is reached")
                links[0].set(.cut)
                try await hosts[1].takesOver()
                #expect(try !hosts[0].hasAddress())
                links[0].set(.open)
                #expect(try hosts[1].serves())
            }
        }

        @Test(
            "An owner that cannot serve the address gives it up",
            arguments: ["no carrier", "down", "gone", "of the host itself"])
        func obstacle(kind: String) async throws {
            try await VirtualIPHost.withCluster("policy = at_least_one") { hosts, _ in
                let lab = hosts[0].lab
                _ = try hosts[0].start()
                try await hosts[0].takesOver()
                let second = try hosts[1].start()
                try await second.says("another host owns the name")
                switch kind {
                case "no carrier": try lab.setCarrier(1, false)
                case "down": try lab.hosts[0].ip("link set eth0 down")
                case "gone": try lab.unplug(1)
                default: try lab.hosts[0].ip("addr add \(Self.address)/24 dev eth0")
                }
                try await hosts[1].takesOver()
                try await eventually("host 1 does not have it") { try kind == "of the host itself" || !hosts[0].hasAddress() }
                switch kind {
                case "no carrier": try lab.setCarrier(1, true)
                case "down": try lab.hosts[0].ip("link set eth0 up")
                case "gone": try lab.plug(1)
                default: try lab.hosts[0].ip("addr del \(Self.address)/24 dev eth0")
                }
                #expect(try hosts[1].serves())
                try await second.stopsInGoodOrder()
                try await hosts[0].takesOver()
            }
        }

        @Test(
            "An address moves to the host where what is behind it works", arguments: ["follow_services = yes", "check"])
        func health(section: String) async throws {
            let check = "check.type = TCP\ncheck.host = 127.0.0.1\ncheck.port = 8080\ncheck.interval = 0.1"
            let service = { (number: Int) in
                """
                [worker:dummy]
                checks = yes
                [service:web]
                protocol = TCP
                address = \(Self.address)
                port = 80
                nodes = [{"id": "n", "address": "10.0.0.\(number)", "port": 8080}]
                monitor.type = CONNECT
                monitor.delay = 1
                monitor.timeout = 1
                monitor.attempts = 1
                """
            }
            let (section, more) = section == "check" ? (check, { _ in "" }) : (section, service)
            try await VirtualIPHost.withCluster("policy = at_most_one\n\(section)", more) { hosts, _ in
                func node(_ host: VirtualIPHost) throws -> Socket {
                    try host.namespace.run {
                        let socket = try Socket(.tcp, for: .v4(0))
                        try socket.bind(to: .v4(0), port: 8080)
                        try socket.listen()
                        return socket
                    }
                }
                var nodes = try hosts.map(node)
                let first = try hosts[0].start()
                try await hosts[0].takesOver()
                try await first.says("started")
                let second = try hosts[1].start()
                try await second.says("started")
                withExtendedLifetime(nodes.removeFirst()) {}
                try await hosts[1].takesOver()
                try await first.says("\(Self.address) is FAILING")
                #expect(try !hosts[0].hasAddress())
                nodes.insert(try node(hosts[0]), at: 0)
                withExtendedLifetime(nodes.remove(at: 1)) {}
                try await hosts[0].takesOver()
                withExtendedLifetime(nodes) {}
            }
        }
    }
}
