import Coordination
import DaemonSupport
import Etcd
import LBaaS
import ServiceSettings
import TestSupport
import Testing

@testable import lbaas_worker

@Suite("The sections of virtual IPs") struct VirtualIPSectionTests {
    private func failure(checking file: String) throws -> StartupFailure {
        let arguments = ["--check-config", "--driver", "dummy"]
        return withoutFolder(try #require(throws: StartupFailure.self) { try read(arguments, file: file) })
    }

    @Test("have every key, and defaults")
    func keys() throws {
        let virtualIPs = try settings(
            file: """
                [virtual_ip:a]
                address = 10.20.0.9
                interface = eth0
                [virtual_ip:b]
                address = 2001:DB8::1
                interface = bond0.7
                policy = at_most_one
                fence = none
                priority = 254
                preempt = 2.5
                follow_services = yes
                [virtual_ip:c]
                address = 10.20.0.10
                interface = eth0
                policy = at_most_one
                preempt = yes
                """
        ).virtualIPs()
        var second = try VirtualIP(
            address: .v6(high: 0x2001_0DB8_0000_0000, low: 1), interface: "bond0.7", policy: .atMostOne(fence: .none))
        second.priority = 254
        second.preemption = .after(.milliseconds(2500))
        second.followsServices = true
        var third = try VirtualIP(address: .v4(0x0A14_000A), interface: "eth0", policy: .atMostOne(fence: .kernel))
        third.preemption = .after(.zero)
        #expect(
            virtualIPs == [
                .init(try VirtualIP(address: .v4(0x0A14_0009), interface: "eth0"), section: "virtual_ip:a"),
                .init(second, section: "virtual_ip:b"), .init(third, section: "virtual_ip:c"),
            ])
        // Hosts that write an address in different ways mean the same one.
        #expect(virtualIPs.map(\.virtualIP.address.description) == ["10.20.0.9", "2001:db8::1", "10.20.0.10"])
    }

    @Test("are refused with every mistake at its line")
    func mistakes() throws {
        let failure = try failure(
            checking: """
                [virtual_ip:a]
                address = 10.20.0.9/24
                interface = eth0
                [virtual_ip:b]
                address = 224.0.0.1
                interface = a/b
                policy = sometimes
                fence = paper
                priority = 255
                preempt = maybe
                follow_services = perhaps
                [virtual_ip:c]
                [virtual_ip:d]
                address = 10.20.0.9
                interface = eth0
                fence = kernel
                [virtual_ip:e]
                address = 10.20.0.8
                interface = eth0
                [virtual_ip:f]
                address = 10.20.0.8
                interface = eth1
                """)
        #expect(failure.code == .config)
        #expect(
            failure.messages == [
                "lbaas.conf:2: [virtual_ip:a] address: '10.20.0.9/24' is not an IPv4 or IPv6 address, which is written without a prefix length",
                "lbaas.conf:7: [virtual_ip:b] policy: 'sometimes' is not one of at_most_one, at_least_one",
                "lbaas.conf:8: [virtual_ip:b] fence: 'paper' is not one of kernel, none",
                "lbaas.conf:9: [virtual_ip:b] priority: '255' is not a whole number from 1 to 254",
                "lbaas.conf:10: [virtual_ip:b] preempt: 'maybe' is not yes, no or a number of seconds from 0 to 86400",
                "lbaas.conf:11: [virtual_ip:b] follow_services: 'perhaps' is not one of true, false, yes, no, on, off",
                "lbaas.conf:6: [virtual_ip:b] interface: 'a/b' is not a name of an interface: 1 to 15 letters without spaces, slashes and colons",
                "lbaas.conf:5: [virtual_ip:b] address: 224.0.0.1 cannot be a virtual IP: it is a multicast address",
                "lbaas.conf:12: [virtual_ip:c] address is missing",
                "lbaas.conf:12: [virtual_ip:c] interface is missing",
                "lbaas.conf:16: [virtual_ip:d] fence: only addresses with policy = at_most_one have one",
                "lbaas.conf:21: [virtual_ip:f] address: 10.20.0.8 is the address of the section on line 17 already",
            ])
    }

    @Test("have checks, which are numbered where there are several")
    func checks() throws {
        let address = "[virtual_ip:a]\naddress = 10.20.0.9\ninterface = eth0\n"
        let virtualIP = try #require(
            try settings(
                file: address
                    + """
                    check.type = TCP
                    check.host = 127.0.0.1
                    check.port = 8080
                    check.9.type = TCP
                    check.9.host = ::1
                    check.9.port = 1
                    check.9.interval = 0.5
                    check.9.timeout = 0.25
                    check.9.fall = 1
                    check.9.rise = 2
                    check.3.type = TCP
                    check.3.host = ::1
                    check.3.port = 65535
                    check.3.interval = 0.5
                    """
            ).virtualIPs().first)
        let loopback = IPAddress.v6(high: 0, low: 1)
        var half = VirtualIP.Check(host: loopback, port: 65535)
        (half.interval, half.timeout) = (.milliseconds(500), .milliseconds(500))
        var quarter = VirtualIP.Check(host: loopback, port: 1)
        (quarter.interval, quarter.timeout, quarter.fall, quarter.rise) = (.milliseconds(500), .milliseconds(250), 1, 2)
        #expect(virtualIP.virtualIP.checks == [VirtualIP.Check(host: .v4(0x7F00_0001), port: 8080), half, quarter])
        #expect(
            try failure(checking: address + "check.2.type = UDP\ncheck.2.host = localhost\ncheck.2.timeout = 2\ncheck.fall = 0").messages
                == [
                    "lbaas.conf:1: [virtual_ip:a] check.type is missing",
                    "lbaas.conf:1: [virtual_ip:a] check.host is missing",
                    "lbaas.conf:1: [virtual_ip:a] check.port is missing",
                    "lbaas.conf:7: [virtual_ip:a] check.fall: '0' is not a whole number from 1 to 100",
                    "lbaas.conf:4: [virtual_ip:a] check.2.type: 'UDP' is not one of TCP",
                    "lbaas.conf:5: [virtual_ip:a] check.2.host: 'localhost' is not an IPv4 or IPv6 address, which is written without a prefix length",
                    "lbaas.conf:1: [virtual_ip:a] check.2.port is missing",
                    "lbaas.conf:6: [virtual_ip:a] check.2.timeout: it is longer than the interval of 1.0 seconds",
                ])
        #expect(try failure(checking: address + "check.10.type = TCP").messages.first?.contains("'check.10.type' is not a key of") == true)
    }

    @Test("go with a cluster, which has every key and defaults")
    func cluster() throws {
        #expect(try settings().cluster == ClusterSettings())
        #expect(ClusterSettings().endpoints.isEmpty && ClusterSettings().takeover == 5 && ClusterSettings().releasesOnStop)
        let cluster = try settings(
            file: """
                [cluster]
                etcd = https://[fd00::1]:2379, https://etcd.example
                etcd_ca = /ca
                etcd_cert = /cert
                etcd_key = /key
                etcd_user = lbaas
                etcd_password_file = /password
                name = west
                host = lb7
                takeover = 2.5
                release_on_stop = no
                """
        ).cluster
        #expect(cluster.endpoints.map(\.description) == ["https://[fd00::1]:2379", "https://etcd.example:2379"])
        #expect([cluster.authorities, cluster.certificate, cluster.key] == ["/ca", "/cert", "/key"])
        #expect([cluster.user, cluster.passwordFile, cluster.name, cluster.hostID] == ["lbaas", "/password", "west", "lb7"])
        #expect(cluster.takeover == 2.5 && !cluster.releasesOnStop)
    }

    @Test("are refused with a cluster that cannot be one")
    func badCluster() throws {
        #expect(
            try failure(
                checking: """
                    [cluster]
                    etcd = 10.0.0.1:2379
                    name = a/b
                    host = my host
                    takeover = 61
                    release_on_stop = sometimes
                    """
            ).messages == [
                "lbaas.conf:2: etcd: '10.0.0.1:2379' is not the URL of a server: an etcd endpoint is http://HOST:PORT or https://HOST:PORT",
                "lbaas.conf:3: name: 'a/b' is not a name of a cluster: 1 to 255 printable characters of ASCII, no blank, no slash",
                "lbaas.conf:4: host: 'my host' is not an id of a host: 1 to 255 printable characters of ASCII, no blank, no slash",
                "lbaas.conf:5: takeover: '61' is not a number of seconds from 1 to 60",
                "lbaas.conf:6: release_on_stop: 'sometimes' is not one of true, false, yes, no, on, off",
            ])
        #expect(
            try failure(
                checking: """
                    [cluster]
                    etcd = http://10.0.0.1, https://10.0.0.2
                    etcd_cert = /cert
                    etcd_user = lbaas
                    """
            ).messages == [
                "lbaas.conf:3: etcd_cert: it needs etcd_key too",
                "lbaas.conf:4: etcd_user: it needs etcd_password_file too",
                "lbaas.conf:2: etcd: some endpoints are https, and others http: the cluster is not protected; use one of both",
            ])
        #expect(
            try failure(checking: "[cluster]\netcd = http://10.0.0.1\netcd_ca = /ca").messages
                == ["lbaas.conf:3: etcd_ca: no endpoint is https; write https://HOST:PORT in etcd"])
    }

    @Test(
        "are refused with a file of a password that has none",
        arguments: [nil, "", "\nsecret", "a\u{0}b", String(repeating: "a", count: 5000)])
    func password(contents: String?) throws {
        let folder = try TemporaryFolder()
        let path = try contents.map { try folder.write($0, to: "password") } ?? folder.file("missing")
        let file = "[cluster]\netcd = http://10.0.0.1\netcd_user = lbaas\netcd_password_file = \(path)"
        let message = try #require(try failure(checking: file).messages.first)
        #expect(message.hasPrefix("[cluster] etcd_password_file: "), "\(message)")
        let right = try folder.write("secret\n", to: "right")
        guard
            case .checkConfig = try read(
                ["--check-config", "--driver", "dummy"],
                file: "[cluster]\netcd = http://10.0.0.1\netcd_user = lbaas\netcd_password_file = \(right)")
        else { throw Failure("it is refused") }
    }
}
