// What haproxy tells about itself, read from the text of its answers.

import LBaaS

/// The answer to `show proc`.
struct ProcessTable: Hashable {
    /// The master's number.
    var master: Int32
    /// How often it was told to load its configuration anew.
    var reloads: Int
    /// How often in a row that failed.
    var failures: Int
    /// The processes that serve.
    var current: [Int32] = []
    /// The processes that only finish what they have.
    var old: [Int32] = []

    /// Reads the answer; nil where it is something else.
    init?(_ text: String) {
        (master, reloads, failures) = (0, 0, 0)
        var isOld = false
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# ") { isOld = line == "# old workers" }
            let words = line.split { $0 == " " || $0 == "\t" }
            guard words.count > 2, let pid = Int32(words[0]), let count = Int(words[2]) else { continue }
            switch words[1] {
            case "master":
                (master, reloads) = (pid, count)
                if words.count > 4, words[3] == "[failed:" { failures = Int(words[4].dropLast()) ?? 0 }
            case "worker": if isOld { old.append(pid) } else { current.append(pid) }
            default: break
            }
        }
        if master == 0 { return nil }
    }

    /// The process that serves, and is not one that only goes on because a load failed.
    var serving: Int32? { current.last }
}

/// The answer to `show info`.
struct ProcessInformation: Hashable {
    /// The process's number.
    let pid: Int32
    /// When it began, in s since 1970.
    let start: UInt64
    /// The description of its configuration.
    let description: String
    /// Whether it only finishes what it has.
    let isStopping: Bool

    /// Reads the answer; nil where it is something else.
    init?(_ text: String) {
        var values: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            values[line[..<colon]] = line[colon...].dropFirst().drop { $0 == " " }
        }
        guard let pid = values["Pid"].flatMap({ Int32($0) }), let start = values["Start_time_sec"].flatMap({ UInt64($0) }) else {
            return nil
        }
        self.pid = pid
        self.start = start
        description = values["description"].map(String.init) ?? ""
        isStopping = values["Stopping"] == "1"
    }

    /// Which configuration it runs; nil where that is none of ours.
    var fingerprint: String? {
        let start = ConfigurationText.descriptionStart
        return description.hasPrefix(start) ? String(description.dropFirst(start.count)) : nil
    }
}

/// A line of the answer to `show servers state`, which is also a line of the file from which servers' states are loaded.
struct ServerState: Hashable {
    /// The columns, as the management guide of haproxy 2.6 has them.
    private enum Column: Int {
        case proxyNumber, proxy, number, server, address, operation, administration, weight, initialWeight, time
        case checkStatus, checkResult, checkHealth, checkState, agentState, isProxyForced, isForced, name, port
        case serviceRecord, usesTLS, checkPort, checkAddress
    }

    private static let header = """
        1
        # be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change \
        srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn \
        srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port

        """
    private static let maintenance = 0x01
    private static let draining = 0x08
    private static let isCheckConfigured = 0x02
    private static let isCheckEnabled = 0x04
    private static let running = "2"

    private var fields: [Substring]

    /// Reads the answer.
    static func states(_ text: String) -> [ServerState] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            return line.hasPrefix("#") || fields.count <= Column.checkAddress.rawValue ? nil : ServerState(fields: fields)
        }
    }

    /// The file of these states.
    static func text(_ states: [ServerState]) -> String {
        header + states.map { $0.fields.joined(separator: " ") + "\n" }.joined()
    }

    private init(fields: [Substring]) { self.fields = fields }

    /// A server of which haproxy knows nothing yet, as it begins to be checked.
    init(_ server: Server, of proxy: ApplianceName, rise: UInt32) {
        let address: HostAddress = server.endpoint.host
        let (literal, name) = server.isNamed ? ("-", address.description) : (address.description, "-")
        fields = "1 \(proxy) 1 \(server.name) \(literal) 2 0 1 1 0 1 0 \(rise) 6 0 0 0 \(name) \(server.endpoint.port) - 0 0 - - 0"
            .split(separator: " ").map { $0 }
    }

    private subscript(column: Column) -> Substring {
        get { fields[column.rawValue] }
        set { fields[column.rawValue] = newValue }
    }

    var proxy: ApplianceName { ApplianceName(text: String(self[.proxy])) }
    var server: ApplianceName { ApplianceName(text: String(self[.server])) }
    var weight: UInt16 { UInt16(self[.weight]) ?? 0 }

    /// Where it is; nil where haproxy has no address for it.
    var endpoint: Endpoint? {
        guard let port = UInt16(self[.port]) else { return nil }
        return HostAddress(String(self[.name] == "-" ? self[.address] : self[.name])).map { Endpoint(host: $0, port: port) }
    }

    /// What an administrator wants of it.
    var condition: Node.Condition {
        let bits = Int(self[.administration]) ?? 0
        if bits & Self.maintenance != 0 { return .disabled }
        return bits & Self.draining != 0 ? .draining : .enabled
    }

    /// Whether it is checked, but for a pause while it is in maintenance.
    var isChecked: Bool {
        let (bits, needed) = (Int(self[.checkState]) ?? 0, Self.isCheckConfigured | Self.isCheckEnabled)
        return bits & needed == needed
    }

    /// The state with what is wanted of the server in place of what was; how it is stays, as far as its counts of checks allow.
    func adapted(to server: Server, rise: UInt32, fall: UInt32) -> ServerState {
        var state = self
        state[.administration] = server.condition == .draining ? "8" : "0"
        state[.weight] = "\(server.weight)"
        state[.initialWeight] = state[.weight]
        state[.checkState] = "\(Self.isCheckConfigured | Self.isCheckEnabled)"
        // Otherwise a load goes on to check where the former file said.
        state[.checkPort] = "0"
        state[.checkAddress] = "-"
        let highest = state[.operation] == Substring(Self.running) ? rise + fall - 1 : rise - 1
        state[.checkHealth] = "\(min(UInt32(self[.checkHealth]) ?? 0, highest))"
        return state
    }
}
