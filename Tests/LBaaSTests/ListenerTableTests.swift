import LBaaS
import TestSupport
import Testing

/// Where a load balancer can listen, from an address of the host to all of them.
private enum Place: String, CaseIterable, CustomStringConvertible {
    case every = "*"
    case everyV4 = "0.0.0.0"
    case everyV6 = "::"
    case v4 = "10.0.0.1"
    case otherV4 = "10.0.0.2"
    case v6 = "fd00::1"
    case otherV6 = "fd00::2"

    var description: String { rawValue }

    func listener(port: UInt16 = 80, _ transport: Transport = .tcp) -> Listener {
        Listener(address: IPAddress(rawValue), port: port, transport: transport)
    }

    /// The places that are the same or a part of one another.
    func overlaps(_ other: Place) -> Bool {
        self == other || contains(other) || other.contains(self)
    }

    private func contains(_ other: Place) -> Bool {
        switch self {
        case .every: true
        case .everyV4: [.v4, .otherV4].contains(other)
        case .everyV6: [.v6, .otherV6].contains(other)
        default: false
        }
    }
}

@Suite("Who listens where")
struct ListenerTableTests {
    private let a = LoadBalancerID("a")
    private let b = LoadBalancerID("b")

    @Test("A place is refused where it overlaps another, and its owner is named", arguments: Place.allCases, Place.allCases)
    fileprivate func overlap(first: Place, second: Place) {
        var table = ListenerTable()
        #expect(table.claim(first.listener(), for: a) == nil)
        #expect(table.claim(second.listener(), for: b) == (first.overlaps(second) ? a : nil))
    }

    @Test("A place that is given up can be taken, and one that was refused took nothing", arguments: Place.allCases, Place.allCases)
    fileprivate func release(first: Place, second: Place) {
        var table = ListenerTable()
        #expect(table.claim(first.listener(), for: a) == nil)
        let isRefused = table.claim(second.listener(), for: b) != nil
        table.release(first.listener())
        if isRefused {
            #expect(table.claim(second.listener(), for: b) == nil)
        }
        table.release(second.listener())
        for place in Place.allCases {
            #expect(table.claim(place.listener(), for: a) == nil)
            table.release(place.listener())
        }
    }

    @Test("Another port or transport is another place", arguments: Place.allCases)
    fileprivate func doors(place: Place) {
        var table = ListenerTable()
        #expect(table.claim(place.listener(), for: a) == nil)
        #expect(table.claim(place.listener(port: 81), for: b) == nil)
        #expect(table.claim(place.listener(.udp), for: b) == nil)
        #expect(table.claim(place.listener(.sctp), for: b) == nil)
        table.release(place.listener())
        #expect(table.claim(place.listener(port: 81), for: a) == b)
        #expect(table.claim(place.listener(.udp), for: a) == b)
        #expect(table.claim(place.listener(), for: b) == nil)
    }

    @Test("The one who claims twice is told that it is there already")
    func twice() {
        var table = ListenerTable()
        #expect(table.claim(Place.v4.listener(), for: a) == nil)
        #expect(table.claim(Place.v4.listener(), for: a) == a)
    }

    @Test("Giving up what nobody has changes nothing", arguments: Place.allCases)
    fileprivate func stray(place: Place) {
        var table = ListenerTable()
        table.release(place.listener())
        #expect(table.claim(Place.every.listener(), for: a) == nil)
        table.release(place.listener(port: 81))
        #expect(table.claim(place.listener(), for: b) == a)
    }

    @Test("Random claims and releases agree with a plain list", arguments: 0..<50 as Range<UInt64>)
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var table = ListenerTable()
        var held: [(place: Place, port: UInt16, id: LoadBalancerID)] = []
        for step in 0..<200 {
            if Bool.random(using: &generator), let index = held.indices.randomElement(using: &generator) {
                let given = held.remove(at: index)
                table.release(given.place.listener(port: given.port))
                continue
            }
            let place = Place.allCases.randomElement(using: &generator) ?? .every
            let port = UInt16.random(in: 1...2, using: &generator)
            let owners = held.filter { $0.port == port && $0.place.overlaps(place) }.map(\.id)
            let id = LoadBalancerID("\(step)")
            let owner = table.claim(place.listener(port: port), for: id)
            #expect(owner.map(owners.contains) ?? owners.isEmpty)
            if owner == nil { held.append((place, port, id)) }
        }
    }
}
