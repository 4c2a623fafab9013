package import JSON
package import LBaaS

private enum VirtualIPField: Int, FieldName {
    case address, ip, interface, policy, fence, priority, preempt, followServices, checks

    static let table = FieldTable<VirtualIPField>([
        "address", "ip", "interface", "policy", "fence", "priority", "preempt", "follow_services", "checks",
    ])
}

private enum CheckField: Int, FieldName {
    case type, host, port, interval, timeout, fall, rise

    static let table = FieldTable<CheckField>(["type", "host", "port", "interval", "timeout", "fall", "rise"])
}

/// A virtual IP as a job has it, or as an address of the API.
package struct VirtualIPDecoder {
    /// What the address is called.
    package enum AddressField: String {
        /// In jobs and in the state.
        case address
        /// In the API of LINK.
        case ip
    }

    /// Reads a list of virtual IPs.
    package static func list(_ list: JSONValue) throws(FieldError) -> [VirtualIP] {
        var found: [VirtualIP] = []
        try each(list) { element, address throws(FieldError) in
            found.append(try virtualIP(element, at: address))
        }
        return found
    }

    /// Reads a list of addresses, of which only the address is looked at.
    package static func addresses(_ list: JSONValue) throws(FieldError) -> [IPAddress] {
        var found: [IPAddress] = []
        try each(list) { _, address throws(FieldError) in found.append(address) }
        return found
    }

    private static func each(_ list: JSONValue, _ body: (JSONValue, IPAddress) throws(FieldError) -> Void) throws(FieldError) {
        var places: [IPAddress: Int] = [:]
        for (index, element) in try list.list().enumerated() {
            let address = try address(try element.object(), .address)
            if let other = places.updateValue(index, forKey: address) {
                throw .invalid("\(element.path): \(address) is also \(list.path)[\(other)]")
            }
            try body(element, address)
        }
    }

    /// Reads a new virtual IP.
    package static func virtualIP(_ object: JSONValue, _ name: AddressField = .address) throws(FieldError) -> VirtualIP {
        try virtualIP(object, at: try address(object, name), name)
    }

    private static func virtualIP(_ object: JSONValue, at address: IPAddress, _ name: AddressField = .address) throws(FieldError)
        -> VirtualIP
    {
        let patch = try patch(object)
        do throws(InvalidVirtualIP) {
            return try patch.virtualIP(at: address)
        } catch {
            throw .invalid("\(object.path(of: error.field == "address" ? name.rawValue : error.field)): \(error.message)")
        }
    }

    /// Reads the address of a virtual IP, which may have the length of its prefix behind it.
    private static func address(_ object: JSONValue, _ name: AddressField) throws(FieldError) -> IPAddress {
        let fields = try VirtualIPField.table.find(in: object)
        guard let field = fields.unlessNull(name == .ip ? .ip : .address) else {
            try fields.refuseNearMiss()
            throw .invalid("\(object.path(of: name.rawValue)): is missing; it says which virtual IP is meant")
        }
        let text = try field.string("an address")
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])) else { throw field.wrong("is not an IPv4 or IPv6 address") }
        if parts.count == 2, parts[1] != "\(address.length)" {
            throw field.wrong("is a network; a virtual IP is one address, without a prefix length or with /\(address.length)")
        }
        return address
    }

    /// Reads what an object says of a virtual IP besides its address.
    package static func patch(_ object: JSONValue) throws(FieldError) -> VirtualIPPatch {
        let fields = try VirtualIPField.table.find(in: object)
        try fields.refuseNearMiss()
        var patch = VirtualIPPatch()
        patch.interface = try fields.unlessNull(.interface)?.string("the name of an interface")
        patch.policy = try fields.unlessNull(.policy)?.word(VirtualIPPatch.Policy.self)
        patch.fence = try fields.unlessNull(.fence)?.word(VirtualIP.Fence.self)
        patch.priority = try fields.unlessNull(.priority)?.integer("a priority", 1...254)
        patch.preemption = try fields.unlessNull(.preempt)?.preemption()
        patch.followsServices = try fields.unlessNull(.followServices)?.boolean("whether it follows its services")
        if let list = fields.unlessNull(.checks) {
            var checks: [VirtualIP.Check] = []
            for element in try list.list() { checks.append(try check(try element.object())) }
            if checks.count > VirtualIP.mostChecks {
                throw .invalid("\(list.path): has \(checks.count) checks; it may have \(VirtualIP.mostChecks)")
            }
            patch.checks = checks
        }
        return patch
    }

    private static func check(_ object: JSONValue) throws(FieldError) -> VirtualIP.Check {
        let fields = try CheckField.table.find(in: object)
        try fields.refuseNearMiss()
        func needed(_ field: CheckField, _ name: StaticString) throws(FieldError) -> JSONValue {
            guard let value = fields.unlessNull(field) else { throw .invalid("\(object.path(of: "\(name)")): is missing") }
            return value
        }
        let type = try needed(.type, "type")
        guard type.uppercased == "TCP" else { throw type.wrong("is not the type of a check (TCP)") }
        var check = VirtualIP.Check(host: try needed(.host, "host").ipAddress(), port: try needed(.port, "port").port())
        if let interval = fields.unlessNull(.interval) { check.interval = try interval.seconds(0.1...86_400) }
        check.timeout = min(check.timeout, check.interval)
        if let timeout = fields.unlessNull(.timeout) {
            check.timeout = try timeout.seconds(0.1...86_400)
            if check.timeout > check.interval { throw timeout.wrong("is longer than the interval") }
        }
        if let fall = fields.unlessNull(.fall) { check.fall = UInt32(try fall.integer("a number of checks", 1...100)) }
        if let rise = fields.unlessNull(.rise) { check.rise = UInt32(try rise.integer("a number of checks", 1...100)) }
        return check
    }
}

extension JSONValue {
    /// The value as one of the words of an enumeration.
    fileprivate func word<Word: CaseIterable & RawRepresentable<String>>(_ type: Word.Type) throws(FieldError) -> Word {
        guard let text = string, let word = Word(rawValue: text) else {
            throw wrong("is not one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }

    /// The value as a time in seconds, a number with or without a fraction.
    fileprivate func seconds(_ range: ClosedRange<Double>) throws(FieldError) -> Duration {
        guard isNumber, let number = Double(spelling), range.contains(number) else {
            throw wrong(
                "is not a number of seconds from \(range.lowerBound == 0 ? "0" : "\(range.lowerBound)") to \(Int(range.upperBound))")
        }
        return .milliseconds(Int((number * 1000).rounded()))
    }

    /// The value as whether an address is taken back: true, false, or after how many seconds.
    fileprivate func preemption() throws(FieldError) -> Preemption {
        if let isThere = boolean { return isThere ? .after(.zero) : .no }
        switch string {
        case "yes": return .after(.zero)
        case "no": return .no
        default: break
        }
        guard isNumber, let time = try? seconds(0...86_400) else {
            throw wrong("is not true, false or a number of seconds from 0 to 86400")
        }
        return .after(time)
    }
}

extension IPAddress {
    /// The length of the prefix of one address.
    package var length: Int { if case .v4 = self { 32 } else { 128 } }
}
