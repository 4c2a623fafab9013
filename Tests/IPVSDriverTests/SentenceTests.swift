import Glibc
import LBaaS
import Testing

@testable import IPVSDriver

@Suite("What the kernel refuses")
struct SentenceTests {
    private static let key = ServiceKey.address(.v4(0x0A00_0009), port: 80, protocol: 6)
    private static let service = ServiceSettings(scheduler: .maglevHashing, netmask: .max)
    private static let addService = Change.addService(key, service)
    private static let setService = Change.setService(key, service)
    private static let addDestination = Change.addDestination(key, place(1), nat(5))
    private static let setDestination = Change.setDestination(key, place(1), nat(5))
    private static let deleteDestination = Change.deleteDestination(key, place(1))

    private static let words: [Change: String] = [
        addService: "add virtual service 10.0.0.9:80/tcp: mh", setService: "set virtual service 10.0.0.9:80/tcp: mh",
        .deleteService(key): "delete virtual service 10.0.0.9:80/tcp", .readService(key): "read virtual service 10.0.0.9:80/tcp",
        addDestination: "add real server 10.1.0.1:80 to 10.0.0.9:80/tcp: NAT, weight 5",
        setDestination: "set real server 10.1.0.1:80 of 10.0.0.9:80/tcp: NAT, weight 5",
        deleteDestination: "remove real server 10.1.0.1:80 from 10.0.0.9:80/tcp",
    ]

    private static let noService = "there is no such virtual service; somebody else changes the table, look for who calls ipvsadm"
    private static let noServer = "there is no such real server; somebody else changes the table, look for who calls ipvsadm"
    private static let noScheduler = "it has no scheduler mh; load its module with 'modprobe ip_vs_mh'"
    private static let noAddress =
        "it does not take this address or this way of forwarding; the address must be a unicast address of the service's family (another"
        + " family is for tunnels alone), and the interface lo must be up"
    private static let outOfRange = "a weight or a threshold is out of range; the lower threshold must not be above the upper"
    private static let noCapability = "this process lacks the capability CAP_NET_ADMIN, which the drop-in lbaas-worker-ipvs.conf gives it"

    @Test(
        "is told with what, where, why and what to do",
        arguments: [
            (addService, ENOENT, noScheduler), (setService, ENOENT, noScheduler),
            (addService, EEXIST, "there is one already, and it cannot be taken over; look at 'ipvsadm -L -n'"),
            (addDestination, EEXIST, "it is there already; look at 'ipvsadm -L -n'"),
            (setService, ESRCH, noService), (.deleteService(key), ESRCH, noService), (addDestination, ESRCH, noService),
            (setDestination, ESRCH, noService), (deleteDestination, ESRCH, noService), (.readService(key), ESRCH, noService),
            (setDestination, ENOENT, noServer), (deleteDestination, ENOENT, noServer),
            (addDestination, EINVAL, noAddress), (setDestination, EINVAL, noAddress),
            (addService, EINVAL, "it does not take these settings; MAGLEV takes 4093 real servers at most"),
            (setService, EINVAL, "it does not take these settings; MAGLEV takes 4093 real servers at most"),
            (addDestination, ERANGE, outOfRange), (setDestination, ERANGE, outOfRange),
            (addService, EPERM, noCapability), (setDestination, EACCES, noCapability),
            (addService, ENOMEM, "it has no memory left"), (addDestination, ENOBUFS, "it has no memory left"),
            (
                addService, EAFNOSUPPORT,
                "it does without this address family; IPv6 is switched off on its command line (ipv6.disable=1), or it was built without CONFIG_IP_VS_IPV6"
            ),
            (addService, EPROTONOSUPPORT, "it was built without this protocol"), (addDestination, EMSGSIZE, "the message is too long"),
            (addService, EBUSY, "Device or resource busy (16)"), (deleteDestination, 4095, "Unknown error 4095 (4095)"),
        ] as [(Change, Int32, String)])
    func sentences(change: Change, number: Int32, reason: String) throws {
        #expect(change.description == Self.words[change])
        #expect(change.sentence(number) == "the kernel refuses to \(try #require(Self.words[change])): \(reason)")
    }

    @Test("names the persistence engine that may be what is missing")
    func engine() {
        let settings = ServiceSettings(scheduler: .roundRobin, flags: .persistent, timeout: 9, netmask: .max, persistenceEngine: "sip")
        #expect(
            Change.addService(Self.key, settings).sentence(ENOENT).hasSuffix(
                "it has no scheduler rr, or no persistence engine sip; load its module with 'modprobe ip_vs_rr'"))
    }

    @Test("is a surprise where the table is another than was known")
    func surprises() {
        let all = Self.words.keys
        #expect(all.allSatisfy { $0.isSurprise(EEXIST) && $0.isSurprise(ESRCH) })
        #expect(Set(all.filter { $0.isSurprise(ENOENT) }) == [Self.setDestination, Self.deleteDestination])
        for number in [EINVAL, ERANGE, EPERM, ENOMEM, EBUSY] { #expect(!all.contains { $0.isSurprise(number) }) }
    }

    @Test("is described as an operator says it")
    func words() {
        let services: [ServiceSettings: String] = [
            ServiceSettings(scheduler: .weightedRoundRobin, flags: .persistent, timeout: 300, netmask: .max): "wrr, persistent for 300 s",
            ServiceSettings(scheduler: .sourceHashing, flags: [.fallback, .hashPort, .onePacket], netmask: .max):
                "sh, one packet at a time, with fallback, with ports",
            ServiceSettings(scheduler: .roundRobin, netmask: .max, persistenceEngine: "sip"): "rr, by sip",
        ]
        for (settings, text) in services { #expect(settings.description == text) }
        let destinations: [Destination: String] = [
            Destination(forwarding: .direct, weight: 0): "DIRECT, weight 0", Destination(forwarding: .local, weight: 1): "LOCAL, weight 1",
            Destination(forwarding: .init(method: 4), weight: 1): "BYPASS, weight 1",
            Destination(forwarding: .init(method: 7), weight: 1): "method 7, weight 1",
            Destination(forwarding: .tunnel(type: 0), weight: 1): "IPIP tunnel, weight 1",
            Destination(forwarding: .tunnel(type: 1, port: 6080, flags: 2), weight: 1):
                "GUE tunnel to port 6080 with remote checksum, weight 1",
            Destination(forwarding: .tunnel(type: 2, flags: 1), weight: 1): "GRE tunnel with checksum, weight 1",
            Destination(forwarding: .tunnel(type: 3), weight: 1): "type 3 tunnel, weight 1",
            Destination(forwarding: .nat, weight: 1, upperThreshold: 100, lowerThreshold: 50): "NAT, weight 1, thresholds 50 and 100",
        ]
        for (destination, text) in destinations { #expect(destination.description == text) }
        #expect(ServiceKey.address(.v6(high: 0xFD00 << 48, low: 1), port: 53, protocol: 17).description == "[fd00::1]:53/udp")
        #expect(ServiceKey.address(.v4(1), port: 0, protocol: 50).description == "0.0.0.1:0/protocol 50")
        #expect(ServiceKey.firewallMark(5, .v6).description == "firewall mark 5 (IPv6)")
    }

    @Test("of a service is told by the same number from start to start")
    func runs() {
        #expect(Self.key.run == 0x1702_18B8_714A_459D)
        #expect(Set(ServiceKey.some.map(\.run)).count == ServiceKey.some.count)
    }
}
