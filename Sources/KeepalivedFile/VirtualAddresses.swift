import LBaaS

/// An address that one host of several has.
struct VirtualAddress {
    let line: Int
    /// The name of its vrrp_instance.
    let instance: String
    let address: IPAddress
    let interface: String
    let priority: Int
    /// As in lbaas.conf: `no`, `yes` or seconds.
    let preempt: String

    func write(to output: inout ConfigurationText) {
        output.section("virtual_ip:", instance, comment: "line \(line): vrrp_instance")
        output.add("address", address.description)
        output.add("interface", interface)
        output.add("priority", "\(priority)")
        output.add("preempt", preempt)
    }
}

extension Translation {
    /// Reads a vrrp_instance.
    mutating func readInstance(_ statement: KeepalivedStatement) {
        var interface: String?
        var (priority, delay, isPreempting) = (100, 0, true)
        var entries: [KeepalivedStatement] = []
        for part in statement.block ?? [] {
            switch part.keyword {
            // Both hosts agree by etcd, whatever they begin as and whatever their group is called.
            case "state", "virtual_router_id": break
            case "interface": interface = part.words.last
            case "priority":
                guard let number = number(part, 1...255) else { continue }
                priority = min(number, 254)
                if number > priority { note(part, "becomes 254, the highest there is") }
            case "nopreempt": isPreempting = false
            case "preempt": break
            case "preempt_delay": delay = seconds(part) ?? 0
            case "virtual_ipaddress", "virtual_ipaddress_excluded": entries += part.block ?? []
            default: note(part)
            }
        }
        let preempt = isPreempting ? delay > 0 ? "\(delay)" : "yes" : "no"
        for entry in entries {
            guard let (address, device) = virtualAddress(entry) else { continue }
            guard let interface = device ?? interface, ConfigurationText.isPlain(interface) else {
                note(entry, "is not translated; its interface is not known")
                continue
            }
            do throws(InvalidVirtualIP) {
                _ = try VirtualIP(address: address, interface: interface)
            } catch {
                note(entry, "is not translated; \(error)")
                continue
            }
            if !boundAddresses.insert(address).inserted {
                note(entry, "is not translated; another vrrp_instance has the address")
                continue
            }
            addresses.append(
                VirtualAddress(
                    line: entry.line, instance: statement.words.last ?? "", address: address, interface: interface, priority: priority,
                    preempt: preempt))
        }
    }

    /// The address of a line of virtual_ipaddress, and its interface where it has one.
    private mutating func virtualAddress(_ entry: KeepalivedStatement) -> (IPAddress, interface: String?)? {
        let parts = entry.keyword.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else {
            note(entry, "is not translated; it is not an IPv4 or IPv6 address")
            return nil
        }
        let length: Int
        switch address {
        case .v4: length = 32
        case .v6: length = 128
        }
        if parts.count > 1, Int(parts[1]) != length {
            note(entry, "is bound as /\(length); the way to its network must come from elsewhere")
        }
        var interface: String?
        var words = entry.values
        while let word = words.popFirst() {
            switch word {
            case "dev": interface = words.popFirst()
            default:
                note(entry, "is translated without '\(word)' and what follows it")
                words = []
            }
        }
        return (address, interface)
    }
}
