import FleetStore
import LBaaS

/// The kinds of objects that the store has a record of.
package enum ObjectKind: String, CaseIterable, Sendable {
    case loadBalancer = "loadbalancer"
    case listener
    case pool
    case quota
}

/// A key of the store, as far as this room knows it.
package enum FleetKey: Hashable, Sendable {
    /// The record of an object; of a quota by the project.
    case object(ObjectKind, id: String)
    /// What a worker is to carry for a listener.
    case wantedLoadBalancer(worker: String, listener: String)
    /// A virtual IP that a worker is to have, with others.
    case wantedVirtualIP(worker: String, address: String)
    /// The newest state that a worker has committed.
    case settled(worker: String)
    /// What is known of a worker.
    case host(worker: String)
    /// Which server drives a worker.
    case claim(worker: String)
    /// Counters of a listener on a worker.
    case statistics(listener: String, worker: String)
    /// The states of nodes on a worker.
    case operating(worker: String)
    /// An allocated address.
    case address(group: String, address: String)
    /// The id of the store.
    case fleetID
    /// Something of users, tokens and credentials, which another room knows: the text of the key. It is told of, and not kept.
    case account(String)

    /// The text of the key.
    package var text: String {
        switch self {
        case .object(let kind, let id): "octavia/\(kind.rawValue)/\(storeKeyPart(id))"
        case .wantedLoadBalancer(let worker, let listener): Self.wanted(worker) + "lb/" + storeKeyPart(listener)
        case .wantedVirtualIP(let worker, let address): Self.wanted(worker) + "vip/" + storeKeyPart(address)
        case .settled(let worker): "settled/" + storeKeyPart(worker)
        case .host(let worker): "host/" + storeKeyPart(worker)
        case .claim(let worker): "claim/" + storeKeyPart(worker)
        case .statistics(let listener, let worker): "statistics/\(storeKeyPart(listener))/\(storeKeyPart(worker))"
        case .operating(let worker): "operating/" + storeKeyPart(worker)
        case .address(let group, let address): "address/\(storeKeyPart(group))/\(storeKeyPart(address))"
        case .fleetID: "fleet/id"
        case .account(let text): text
        }
    }

    /// What the keys begin with that are kept, which is little of all that the store has: there are users, tokens and the audit besides. What
    /// workers are to have comes before the objects that it is for, so that where both are read while they are made, the objects are there.
    static let prefixes =
        ["wanted/"] + ObjectKind.allCases.map { "octavia/\($0.rawValue)/" } + [
            "address/", "claim/", "fleet/", "host/", "operating/", "settled/", "statistics/",
        ]

    /// What all keys of the wanted state of a worker begin with.
    package static func wanted(_ worker: String) -> String { "wanted/\(storeKeyPart(worker))/" }

    /// Reads a key; nil for one of another room.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Self.decoded)
        guard let first = parts.first else { return nil }
        switch (first, parts.count) {
        case ("octavia", 3):
            guard let kind = ObjectKind(rawValue: parts[1]) else { return nil }
            self = .object(kind, id: parts[2])
        case ("wanted", 4) where parts[2] == "lb": self = .wantedLoadBalancer(worker: parts[1], listener: parts[3])
        case ("wanted", 4) where parts[2] == "vip": self = .wantedVirtualIP(worker: parts[1], address: parts[3])
        case ("settled", 2): self = .settled(worker: parts[1])
        case ("host", 2): self = .host(worker: parts[1])
        case ("claim", 2): self = .claim(worker: parts[1])
        case ("statistics", 3): self = .statistics(listener: parts[1], worker: parts[2])
        case ("operating", 2): self = .operating(worker: parts[1])
        case ("address", 3): self = .address(group: parts[1], address: parts[2])
        case ("fleet", 2) where parts[1] == "id": self = .fleetID
        case ("auth", 2...): self = .account(text)
        default: return nil
        }
    }

    /// The text of which `storeKeyPart` has made a part of a key.
    private static func decoded(_ part: Substring.UTF8View) -> String {
        guard part.contains(UInt8(ascii: "%")) else { return String(Substring(part)) }
        var bytes: [UInt8] = []
        var rest = part
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), rest.count >= 2, let number = [UInt8](hexadecimal: rest.prefix(2)) else {
                bytes.append(byte)
                continue
            }
            bytes += number
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
