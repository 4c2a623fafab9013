import LBaaS

/// What the section `[worker:dummy]` says.
struct Settings: Sendable {
    /// The operations that fail or are slow.
    let trials: Trials
    /// The ids of the nodes that are down.
    let down: Set<NodeID>
    /// By how many bytes a traffic counter grows each time it is asked for.
    let bytesPerReport: UInt32
    /// What the worker does for the driver.
    let upkeep: Upkeep
    /// What the driver can do.
    let capabilities: Capabilities

    /// Reads the section.
    init(_ section: DriverConfiguration) throws(DriverConfiguration.Failure) {
        trials = try Trials(section)
        down = Set(section.list(Key.down.rawValue).map { NodeID($0) })
        bytesPerReport = try section.bytesPerReport
        upkeep = Upkeep(checking: try section.yesNo(Key.checks.rawValue) ?? false ? .worker : .nobody)
        capabilities = try section.capabilities
    }
}

extension DriverConfiguration {
    fileprivate var bytesPerReport: UInt32 {
        get throws(Failure) {
            guard let text = self[Key.bytesPerReport.rawValue] else { return 0 }
            guard let bytes = UInt32(text) else {
                throw Failure(.bytesPerReport, "\(quoted(text)) is not a number of bytes: use 0 to \(UInt32.max)")
            }
            return bytes
        }
    }

    fileprivate var capabilities: Capabilities {
        get throws(Failure) {
            var capabilities = Capabilities.everything
            capabilities.archive = try yesNo(Key.archive.rawValue) ?? false
            for name in list(Key.lacks.rawValue) where !capabilities.remove(named: name.uppercased()) {
                throw Failure(.lacks, "\(quoted(name)) is nothing a driver can lack: use some of \(Capabilities.wireNames)")
            }
            return capabilities
        }
    }
}

extension DriverConfiguration.Failure {
    /// A value that is not accepted, and why.
    init(_ key: Key, _ message: String) { self.init(key: key.rawValue, message: message) }
}
