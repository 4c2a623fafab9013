import DaemonSupport
import FleetModel
import LBaaS
import ServiceSettings

/// A section `[group:NAME]`: workers that hold the same load balancers, and the addresses that these are given.
enum GroupSection {
    /// What the name of such a section begins with.
    static let prefix = "group:"

    /// The keys that such a section may have.
    static let keys = ["workers", "addresses", "interface"]

    /// Where virtual IPs are bound by default.
    private static let defaultInterface = "eth0"
    /// The most workers of a group.
    private static let mostWorkers = 16
}

extension GroupSection {
    /// The group of a section.
    ///
    /// - Throws: all that is wrong with it.
    static func group(_ name: String, _ section: Section, path: String) throws(StartupFailure) -> FleetGroup {
        var mistakes = Mistakes()
        func refuse(_ key: String, _ sentence: String) {
            let line = section.values[key]?.line ?? section.line
            let hint = commentHint(section.values[key]?.text ?? "")
            mistakes.add(StartupFailure(.config, "\(path):\(line): [\(prefix)\(name)] \(key): \(sentence)\(hint)"))
        }
        func words(_ key: String) -> [String] {
            (section.values[key]?.text ?? "").split { $0 == "," || $0.isWhitespace }.map(String.init)
        }
        let part = ValueForm<String>.part(of: "a name of a group")
        do throws(BadValue) { _ = try part.read(name) } catch {
            mistakes.add(StartupFailure(.config, "\(path):\(section.line): \(error.sentence)"))
        }
        let workers = words("workers")
        if workers.isEmpty { refuse("workers", "a group has one worker at least; write the names of their Gearman functions") }
        if workers.count > mostWorkers { refuse("workers", "a group has \(mostWorkers) workers at most") }
        for (place, worker) in workers.enumerated() {
            do throws(BadValue) { _ = try ValueForm<String>.function.read(worker) } catch { refuse("workers", error.sentence) }
            if workers[..<place].contains(worker) { refuse("workers", "'\(worker)' is given twice") }
        }
        var addresses: [FleetModel.AddressRange] = []
        for word in words("addresses") {
            do throws(InvalidAddressRange) { addresses.append(try FleetModel.AddressRange(word)) } catch {
                refuse("addresses", error.message)
            }
        }
        let interface = section.values["interface"]?.text ?? defaultInterface
        if interface.isEmpty || interface.utf8.count > 15 || interface.utf8.contains(where: { $0 <= 0x20 || $0 == 0x2F || $0 >= 0x7F }) {
            refuse("interface", "'\(interface)' is not the name of an interface; write one such as eth0, or none")
        }
        try mistakes.check()
        return FleetGroup(name: name, workers: workers, addresses: addresses, interface: interface == "none" ? nil : interface)
    }
}

extension Settings {
    /// The groups of workers, by name.
    ///
    /// - Throws: all that is wrong with their sections.
    func groups() throws(StartupFailure) -> [FleetGroup] {
        var groups: [FleetGroup] = []
        var mistakes = Mistakes()
        var owners: [String: String] = [:]
        for (name, section) in sections.sorted(by: { $0.value.line < $1.value.line }) where name.hasPrefix(GroupSection.prefix) {
            let name = String(name.dropFirst(GroupSection.prefix.count))
            let path = configurationFile ?? ""
            guard
                let group = mistakes.collect({ () throws(StartupFailure) in try GroupSection.group(name, section, path: path) })
            else { continue }
            for worker in group.workers {
                guard let owner = owners.updateValue(name, forKey: worker) else { continue }
                let line = section.values["workers"]?.line ?? section.line
                mistakes.add(
                    StartupFailure(
                        .config,
                        "\(path):\(line): [group:\(name)] workers: '\(worker)' is in the group '\(owner)' already; a worker is in one"))
            }
            groups.append(group)
        }
        try mistakes.check()
        return groups.sorted { $0.name < $1.name }
    }
}
