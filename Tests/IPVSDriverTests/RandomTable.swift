import IPVSDriver
import LBaaS
import TestSupport

extension ServiceKey {
    /// A few virtual services of all kinds, so that tables have some in common.
    static let some: [ServiceKey] =
        [IPAddress.v4(0x0A00_0009), .v4(0x0A00_0008), .v6(high: 0xFD00 << 48, low: 9)].flatMap { address in
            [
                .address(address, port: 80, protocol: 6), .address(address, port: 53, protocol: 17),
                .address(address, port: 80, protocol: 132),
            ]
        } + [.firewallMark(1, .v4), .firewallMark(1, .v6), .firewallMark(7, .v4)]
}

extension [ServiceKey: VirtualService] {
    /// A table that the kernel can have.
    static func random(using generator: inout SeededGenerator) -> Self {
        let keys = ServiceKey.some.shuffled(using: &generator).prefix(.random(in: 0...6, using: &generator))
        return Dictionary(uniqueKeysWithValues: keys.map { ($0, .random($0, using: &generator)) })
    }
}

extension VirtualService {
    private static let schedulers = ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"]

    fileprivate static func random(_ key: ServiceKey, using generator: inout SeededGenerator) -> VirtualService {
        // Few values, so that much stays as it is.
        let scheduler = Bool.random(using: &generator) ? "wrr" : schedulers.randomElement(using: &generator) ?? "rr"
        var settings = ServiceSettings(scheduler: Scheduler(scheduler), netmask: key.family == .v4 ? .max : 128)
        if .random(in: 0..<4, using: &generator) == 0 {
            settings.flags = .persistent
            settings.timeout = .random(in: 1...2, using: &generator)
            settings.persistenceEngine = Bool.random(using: &generator) ? "sip" : nil
        }
        var service = VirtualService(settings: settings)
        for _ in 0..<Int.random(in: 0...6, using: &generator) {
            let (place, destination) = Destination.random(for: key, using: &generator)
            service.destinations[place] = destination
        }
        if Int.random(in: 0..<100, using: &generator) == 0 {
            for number in 0..<300 as Range<UInt32> {
                let address: IPAddress = key.family == .v4 ? .v4(0x0A03_0000 + number) : .v6(high: 0xFD03 << 48, low: UInt64(number) + 1)
                service.destinations[DestinationKey(address, 80)] = Destination(forwarding: .nat, weight: 1)
            }
        }
        return service
    }
}

extension Destination {
    fileprivate static func random(
        for key: ServiceKey, using generator: inout SeededGenerator
    ) -> (key: DestinationKey, destination: Destination) {
        let tunnels: [Forwarding] = [.tunnel(type: 0), .tunnel(type: 1, port: 6080, flags: 1), .tunnel(type: 2)]
        let others: [Forwarding] = [.nat, .nat, .nat, .direct]
        let forwarding = (Int.random(in: 0..<4, using: &generator) == 0 ? tunnels : others).randomElement(using: &generator) ?? .nat
        // The other family is for tunnels alone.
        let isV4 = (key.family == .v4) != (forwarding.isTunnel && Bool.random(using: &generator))
        let host = UInt32.random(in: 1...6, using: &generator)
        let address: IPAddress = isV4 ? .v4(0x0A01_0000 + host) : .v6(high: 0xFD01 << 48, low: UInt64(host))
        let upper = UInt32.random(in: 0...1, using: &generator) * 100
        let destination = Destination(
            forwarding: forwarding, weight: .random(in: 0...2, using: &generator), upperThreshold: upper, lowerThreshold: upper / 2)
        return (DestinationKey(address, .random(in: 80...81, using: &generator)), destination)
    }
}
