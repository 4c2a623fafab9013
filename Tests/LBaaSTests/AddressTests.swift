import LBaaS
import Testing

@Suite("Addresses")
struct AddressTests {
    @Test(
        "are read and written in the canonical form",
        arguments: [
            ("10.0.0.1", "10.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
            ("::", "::"), ("::1", "::1"), ("FD00:0:0:0:0:0:0:1", "fd00::1"), ("2001:DB8::0001:0", "2001:db8::1:0"),
            ("::ffff:10.0.0.1", "10.0.0.1"), ("::FFFF:0a00:0001", "10.0.0.1"), ("0:0:0:0:0:ffff:7f00:1", "127.0.0.1"),
            ("::ffff:0.0.0.0", "0.0.0.0"), ("::10.0.0.1", "::10.0.0.1"), ("::1:ffff:a00:1", "::1:ffff:a00:1"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ])
    func canonical(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
        #expect(HostAddress(text) == .address(address))
        #expect(HostAddress(text)?.description == canonical)
    }

    @Test(
        "of another form are refused",
        arguments: [
            "", " ", "10.0.0", "10.0.0.256", "10.0.0.1.2", "010.0.0.1", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1/8", "0x0a.0.0.1", "167772161",
            ":", ":::", "1::2::3", "12345::", "fe80::1%eth0", "[::1]", "::1:80:",
            "10.0.0.1\u{0}", "10.0.0.1\u{0}.example", "::1\u{0}x", "１０.0.0.1",
        ])
    func refused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("keep their bytes in network order")
    func bytes() {
        #expect(IPAddress("1.2.3.4") == .v4(0x0102_0304))
        #expect(IPAddress("2001:db8::8:9") == .v6(high: 0x2001_0db8_0000_0000, low: 0x0000_0000_0008_0009))
    }

    @Test("that are mapped are the addresses they map")
    func mapped() {
        #expect(IPAddress("::ffff:10.0.0.1") == .v4(0x0A00_0001))
        #expect(IPAddress("::fffe:10.0.0.1") == .v6(high: 0, low: 0xFFFE_0A00_0001))
    }

    @Test("are unspecified where they stand for all", arguments: [("0.0.0.0", true), ("::", true), ("0.0.0.1", false), ("::1", false)])
    func unspecified(text: String, isUnspecified: Bool) throws {
        #expect(try #require(IPAddress(text)).isUnspecified == isUnspecified)
    }
}

@Suite("Host names")
struct HostNameTests {
    @Test(
        "are letters, digits, dots, dashes and underscores",
        arguments: ["web", "web-1.example", "_http.example.", "1a", "A.B", String(repeating: "x", count: 253)])
    func accepted(text: String) {
        #expect(HostAddress(text) == .name(text))
        #expect(HostAddress(text)?.description == text)
    }

    @Test(
        "of anything else, and mistyped addresses, are refused",
        arguments: [
            "", "10.0.0.256", "1.2.3", "1234", "...", "web example", "web\n", "web\u{0}", "web:80", "büro", "a/b", "fe80::1%eth0",
            String(repeating: "x", count: 254),
        ])
    func refused(text: String) {
        #expect(HostAddress(text) == nil)
    }
}

@Suite("Endpoints and listeners")
struct EndpointTests {
    @Test(
        "an endpoint is written with its port, IPv6 in brackets",
        arguments: [("10.0.0.1", "10.0.0.1:80"), ("fd00::1", "[fd00::1]:80"), ("web.example", "web.example:80")])
    func endpoint(host: String, text: String) throws {
        #expect(Endpoint(host: try #require(HostAddress(host)), port: 80).description == text)
    }

    @Test(
        "a listener is written with its transport, every address as a star",
        arguments: [(nil, "*:53/udp"), ("10.0.0.1", "10.0.0.1:53/udp"), ("fd00::1", "[fd00::1]:53/udp")])
    func listener(address: String?, text: String) {
        #expect(Listener(address: address.flatMap { IPAddress($0) }, port: 53, transport: .udp).description == text)
    }

    @Test(
        "the transport follows from the protocol",
        arguments: [
            (ServiceProtocol.http, Transport.tcp), (.https, .tcp), (.tcp, .tcp), (.galera, .tcp), (.udp, .udp), (.sctp, .sctp),
        ])
    func transport(serviceProtocol: ServiceProtocol, transport: Transport) {
        let listener = balancer("a") { $0.serviceProtocol = serviceProtocol }.listener
        #expect(listener == Listener(address: nil, port: 80, transport: transport))
    }
}
