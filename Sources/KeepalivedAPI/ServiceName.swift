import JSON
import LBaaS
import Requests

/// What tells a service from the others, as go_keepalived does: `10.0.0.1:tcp:80`, `[fd00::1]:udp:53`. It is the identity of the load
/// balancer.
struct ServiceName: Hashable, Sendable {
    let address: IPAddress
    let transport: Transport
    let port: UInt16

    /// The service that a request names.
    init(_ message: KeepalivedMessage) throws(Refusal) {
        address = try message.address(.vip)
        let proto = try message.required(.proto, "tcp, udp or sctp")
        guard let transport = Transport(rawValue: proto.lowercased()) else {
            throw Refusal(.invalid, "Proto: '\(proto.shortened)' is none of tcp, udp and sctp; firewall marks are not supported")
        }
        self.transport = transport
        port = UInt16(try message.number(.port, "a port", 1...65_535))
    }

    /// The identity of its load balancer.
    var id: LoadBalancerID { LoadBalancerID(listener.keepalivedName) }

    /// Where it listens.
    var listener: Listener { Listener(address: address, port: port, transport: transport) }
}

extension Listener {
    /// The name of a service that listens here.
    var keepalivedName: String { "\(address.map { HostAddress.address($0).inURL } ?? "*"):\(transport.rawValue):\(port)" }
}

/// What tells a real server from the others of its service: its address and its port.
struct RealServerName: Hashable, Sendable {
    let endpoint: Endpoint

    /// The real server that a request names.
    init(_ message: KeepalivedMessage) throws(Refusal) {
        let address = try message.address(.rip)
        endpoint = Endpoint(host: .address(address), port: UInt16(try message.number(.realPort, "a port", 1...65_535)))
    }

    /// The identity of its node: `10.0.0.1:80`, `[fd00::1]:80`.
    var id: NodeID { NodeID(endpoint.description) }
}

// MARK: - Values

extension KeepalivedMessage {
    /// An address, of IPv6 also in brackets.
    func address(_ field: KeepalivedField) throws(Refusal) -> IPAddress {
        let text = try required(field, "an IPv4 address, or an IPv6 address in brackets")
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        guard let address = IPAddress(isBracketed ? String(text.dropFirst().dropLast()) : text) else {
            throw Refusal(.invalid, "\(field.name): '\(text.shortened)' is neither an IPv4 nor an IPv6 address")
        }
        return address
    }

    /// A number that must be there.
    func number(_ field: KeepalivedField, _ meaning: StaticString, _ range: ClosedRange<Int>) throws(Refusal) -> Int {
        guard let number = try optionalNumber(field, meaning, range) else {
            throw Refusal(.invalid, "\(field.name): is missing; it is \(meaning)")
        }
        return number
    }

    /// A number; nil where it is absent.
    func optionalNumber(_ field: KeepalivedField, _ meaning: StaticString, _ range: ClosedRange<Int>) throws(Refusal) -> Int? {
        guard let text = self[field] else { return nil }
        // `Int` alone takes a sign.
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text), range.contains(number) else {
            throw Refusal(.invalid, "\(field.name): '\(text.shortened)' is not \(meaning) (\(range.lowerBound) to \(range.upperBound))")
        }
        return number
    }
}
