import DaemonSupport
import HostSystem
import LBaaS

/// A section `[virtual_ip:NAME]`: an address that one host of several has. NAME is for people.
struct VirtualIPSection: ConfiguredSection {
    let name: String
    let section: Section
    let path: String

    /// What the name of such a section begins with.
    static let prefix = "virtual_ip:"

    /// The keys that such a section may have.
    static let keys =
        ["address", "interface", "policy", "fence", "priority", "preempt", "follow_services"] + checkKeys.map { prefix(ofCheck: 1) + $0 }

    /// Those of further checks.
    static let numberedKeys = Set((2...VirtualIP.mostChecks).flatMap { number in checkKeys.map { prefix(ofCheck: number) + $0 } })

    private static let checkKeys = ["type", "host", "port", "interval", "timeout", "fall", "rise"]

    /// What the keys of a check begin with.
    private static func prefix(ofCheck number: Int) -> String { number == 1 ? "check." : "check.\(number)." }

    /// A section of the configuration file at this path; nil where its name is another's.
    init?(name: String, _ section: Section, path: String) {
        guard name.hasPrefix(Self.prefix), name != Self.prefix else { return nil }
        self.name = name
        self.section = section
        self.path = path
    }

    /// The virtual IP.
    ///
    /// - Throws: all that is wrong with it, with the places in the file.
    func virtualIP() throws(StartupFailure) -> VirtualIP {
        var mistakes = Mistakes()
        let address = needed("address", .ipAddress, &mistakes)
        let interface = needed("interface", .text, &mistakes)
        let isPolicyGiven = section.values["policy"] != nil
        let policy = isPolicyGiven ? value("policy", .policy, &mistakes) : VirtualIPPatch.Policy.atLeastOne
        let fence = value("fence", .fence, &mistakes)
        if fence != nil, policy == .atLeastOne {
            mistakes.add(failure("fence: only addresses with policy = at_most_one have one", at: "fence"))
        }
        let priority = value("priority", .wholeNumber(1...254), &mistakes)
        let preemption = value("preempt", .preemption, &mistakes)
        let followsServices = value("follow_services", .truth, &mistakes)
        let checks = (1...VirtualIP.mostChecks).compactMap { check($0, &mistakes) }
        let promise: VirtualIP.Policy = policy == .atMostOne ? .atMostOne(fence: fence ?? .kernel) : .atLeastOne
        // Each with a right one of the other, so that all that is wrong is told.
        let place = interface.flatMap { make(.v4(0x0A00_0001), $0, promise, for: "interface", &mistakes)?.interface }
        let virtualIP = address.flatMap { make($0, place ?? "eth0", promise, for: "address", &mistakes) }
        try mistakes.check()
        guard var virtualIP else { throw failure("address is missing", at: "address") }
        virtualIP.priority = priority ?? virtualIP.priority
        virtualIP.preemption = preemption ?? virtualIP.preemption
        virtualIP.followsServices = followsServices ?? virtualIP.followsServices
        virtualIP.checks = checks
        return virtualIP
    }

    /// A check; nil where there is none of this number, or it is wrong.
    private func check(_ number: Int, _ mistakes: inout Mistakes) -> VirtualIP.Check? {
        let prefix = Self.prefix(ofCheck: number)
        if Self.checkKeys.allSatisfy({ section.values[prefix + $0] == nil }) { return nil }
        let kind = needed(prefix + "type", .checkKind, &mistakes)
        let host = needed(prefix + "host", .ipAddress, &mistakes)
        let port = needed(prefix + "port", .wholeNumber(1...65535), &mistakes)
        let interval = value(prefix + "interval", .seconds(atLeast: 0.1), &mistakes) ?? 1
        let timeout = value(prefix + "timeout", .seconds(atLeast: 0.1), &mistakes) ?? min(1, interval)
        if timeout > interval {
            mistakes.add(failure("\(prefix)timeout: it is longer than the interval of \(interval) seconds", at: prefix + "timeout"))
        }
        let fall = value(prefix + "fall", .wholeNumber(1...100), &mistakes) ?? 3
        let rise = value(prefix + "rise", .wholeNumber(1...100), &mistakes) ?? 1
        guard kind != nil, let host, let port else { return nil }
        var check = VirtualIP.Check(host: host, port: UInt16(port))
        (check.interval, check.timeout, check.fall, check.rise) = (.seconds(interval), .seconds(timeout), UInt32(fall), UInt32(rise))
        return check
    }

    private func make(
        _ address: IPAddress, _ interface: String, _ policy: VirtualIP.Policy, for key: String, _ mistakes: inout Mistakes
    ) -> VirtualIP? {
        do throws(InvalidVirtualIP) {
            return try VirtualIP(address: address, interface: interface, policy: policy)
        } catch {
            mistakes.add(failure("\(key): \(error.message)", at: key))
            return nil
        }
    }
}

extension Settings {
    /// The virtual IPs of the configuration file, in its order.
    ///
    /// - Throws: all that is wrong with them.
    func virtualIPs() throws(StartupFailure) -> [VirtualIPTable.Configured] {
        var found: [VirtualIPTable.Configured] = []
        var lines: [IPAddress: Int] = [:]
        var mistakes = Mistakes()
        for (name, section) in sections.sorted(by: { $0.value.line < $1.value.line }) {
            guard let part = VirtualIPSection(name: name, section, path: configurationFile ?? "") else { continue }
            guard let virtualIP = mistakes.collect({ () throws(StartupFailure) in try part.virtualIP() }) else { continue }
            if let line = lines.updateValue(section.line, forKey: virtualIP.address) {
                mistakes.add(
                    part.failure("address: \(virtualIP.address) is the address of the section on line \(line) already", at: "address"))
            }
            found.append(VirtualIPTable.Configured(virtualIP, section: name))
        }
        try mistakes.check()
        return found
    }
}

extension ValueForm where Value == String {
    /// The name is LINK's.
    fileprivate static var checkKind: Self { choice([("TCP", "TCP")]) }
}

extension ValueForm where Value == VirtualIPPatch.Policy {
    fileprivate static var policy: Self { choice(VirtualIPPatch.Policy.allCases.map { ($0.rawValue, $0) }) }
}

extension ValueForm where Value == VirtualIP.Fence {
    fileprivate static var fence: Self { choice(VirtualIP.Fence.allCases.map { ($0.rawValue, $0) }) }
}

extension ValueForm where Value == Preemption {
    /// `yes`, `no`, or after how many seconds.
    fileprivate static var preemption: Self {
        let seconds = ValueForm<Double>.seconds(atLeast: 0)
        return Self { text throws(BadValue) in
            switch text {
            case "no": return .no
            case "yes": return .after(.zero)
            default:
                guard let number = try? seconds.read(text) else {
                    throw BadValue("'\(text)' is not yes, no or a number of seconds from 0 to 86400")
                }
                return .after(.seconds(number))
            }
        } write: {
            if case .after(let time) = $0 { seconds.write(time.seconds) } else { "no" }
        }
    }
}
