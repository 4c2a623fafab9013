import DaemonSupport
import JobQueue
import ServiceSettings
import Testing

@testable import lbaas_worker

@Suite struct JobServerTests {
    @Test(arguments: [
        ("lb.example.org:4731", "lb.example.org", 4731),
        ("lb.example.org", "lb.example.org", 4730),
        ("192.0.2.1:1", "192.0.2.1", 1),
        ("[2001:db8::7]:65535", "2001:db8::7", 65535),
        ("[::1]", "::1", 4730),
    ])
    func hostAndPortAreRead(text: String, host: String, port: UInt16) throws {
        #expect(try JobServer(text, defaultPort: 4730) == JobServer(host: host, port: port))
    }

    @Test(arguments: ["host:4730", "[2001:db8::7]:80"])
    func theDescriptionReadsAsTheSameAddress(text: String) throws {
        #expect(try JobServer(text, defaultPort: nil).description == text)
    }

    @Test(arguments: [
        ("host:0", "'host:0' does not end in a port from 1 to 65535; write HOST:PORT, or [ADDRESS]:PORT for IPv6"),
        ("host:65536", "'host:65536' does not end in a port from 1 to 65535; write HOST:PORT, or [ADDRESS]:PORT for IPv6"),
        ("host:", "'host:' does not end in a port from 1 to 65535; write HOST:PORT, or [ADDRESS]:PORT for IPv6"),
        ("host:1:2", "'host:1:2' does not end in a port from 1 to 65535; write HOST:PORT, or [ADDRESS]:PORT for IPv6"),
        ("[::1]4730", "'[::1]4730' does not end in a port from 1 to 65535; write HOST:PORT, or [ADDRESS]:PORT for IPv6"),
        (":4730", "':4730' does not begin with a host name or an address; write HOST:PORT, or [ADDRESS]:PORT for IPv6"),
        ("a/b:1", "'a/b:1' does not begin with a host name or an address; write HOST:PORT, or [ADDRESS]:PORT for IPv6"),
        ("::1", "'::1' is an IPv6 address without brackets; write [::1]:PORT"),
        ("[::1", "'[::1' is not an IPv6 address in brackets, such as [2001:db8::7]:4730"),
        ("[host]:1", "'[host]:1' is not an IPv6 address in brackets, such as [2001:db8::7]:4730"),
        ("[192.0.2.1]:1", "'[192.0.2.1]:1' is not an IPv6 address in brackets, such as [2001:db8::7]:4730"),
    ])
    func anythingElseIsRefused(text: String, sentence: String) {
        #expect(throws: BadValue(sentence)) { try JobServer(text, defaultPort: 4730) }
    }

    @Test func whereNoPortIsUsualOneMustBeGiven() {
        #expect(throws: BadValue("'host' lacks a port; write host:PORT")) { try JobServer("host", defaultPort: nil) }
    }
}
