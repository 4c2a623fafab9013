import LBaaS

/// What a keepalived.conf means, as a configuration of lbaas-worker.
package struct KeepalivedImport: Sendable {
    /// Something that was not translated, or not exactly.
    package struct Remark: Sendable, Hashable {
        /// The line of the keepalived.conf, from 1.
        package let line: Int
        /// What it is and, where that helps, what to do, in a sentence without its end.
        package let sentence: String
    }

    /// The text of an lbaas.conf.
    package let configuration: String
    /// What it does not have of the file, in the order of the lines.
    package let remarks: [Remark]

    /// Translates a file.
    ///
    /// - Parameter name: what the file is called.
    package init(_ file: KeepalivedFile, name: String) {
        var translation = Translation()
        translation.read(file.statements)
        configuration = translation.configuration(name: name)
        remarks = translation.remarks.sorted { $0.line < $1.line }
    }
}

/// A translation under way.
struct Translation {
    private(set) var remarks: [KeepalivedImport.Remark] = []
    private var noted: Set<KeepalivedImport.Remark> = []
    var servers: [VirtualServer] = []
    var serviceCount = 0
    var addresses: [VirtualAddress] = []
    var boundAddresses: Set<IPAddress> = []
    var groups: [String: KeepalivedStatement] = [:]

    /// Notes what a statement has that the result has not.
    mutating func note(_ statement: KeepalivedStatement, _ sentence: String? = nil) {
        let what = sentence ?? Self.reasons[statement.keyword] ?? "is not translated"
        let remark = KeepalivedImport.Remark(line: statement.line, sentence: "\(statement.keyword.prefix(100)): \(what)")
        if noted.insert(remark).inserted { remarks.append(remark) }
    }

    /// Reads what is in no braces.
    mutating func read(_ statements: [KeepalivedStatement]) {
        for statement in statements where statement.keyword == "virtual_server_group" { groups[statement.words.last ?? ""] = statement }
        for statement in statements {
            switch statement.keyword {
            case "virtual_server": readVirtualServer(statement)
            case "virtual_server_group": break
            case "vrrp_instance": readInstance(statement)
            case "global_defs": for part in statement.block ?? [] where part.keyword != "router_id" { note(part) }
            default: note(statement)
            }
        }
    }

    /// Why something is not translated, or what does its work.
    private static let reasons = [
        "include": "files that are included are not read; import each by itself",
        "vrrp_sync_group": "virtual IPs move one by one",
        "vrrp_script": "is not translated; virtual IPs have checks by TCP: check.type, check.host and check.port",
        "track_script": "is not translated; virtual IPs have checks by TCP: check.type, check.host and check.port",
        "authentication": "is not translated; etcd decides who owns an address ([cluster])",
        "advert_int": "is not translated; see takeover of [cluster]",
        "quorum_up": "is not translated; see [notifier:exec]", "quorum_down": "is not translated; see [notifier:exec]",
        "notify_up": "is not translated; see [notifier:exec]", "notify_down": "is not translated; see [notifier:exec]",
        "notify": "is not translated; see [notifier:exec]", "notify_master": "is not translated; see [notifier:exec]",
        "notify_backup": "is not translated; see [notifier:exec]", "notify_fault": "is not translated; see [notifier:exec]",
        "ops": "is not translated; see one_packet of [worker:ipvs]",
        "uthreshold": "is not translated; see upper_threshold of [worker:ipvs]",
        "lthreshold": "is not translated; see lower_threshold of [worker:ipvs]",
        "delay_before_retry": "is not translated; a check that failed is repeated after delay_loop",
        "digest": "is not translated; the status of the answer decides", "regex": "is not translated; the status of the answer decides",
    ]

    /// The number of a statement; nil, with a remark, where it is none of the range.
    mutating func number(_ statement: KeepalivedStatement, _ range: ClosedRange<Int>) -> Int? {
        if let number = statement.values.first.flatMap({ Int($0) }), range.contains(number) { return number }
        note(statement, "is not translated; it is not a number from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    /// The whole seconds of a statement, at least 1; a remark says where it has decimals.
    mutating func seconds(_ statement: KeepalivedStatement) -> Int? {
        guard let seconds = statement.values.first.flatMap({ Double($0) }), (0...86400).contains(seconds) else {
            note(statement, "is not translated; it is not a number of seconds from 0 to 86400")
            return nil
        }
        let whole = max(1, Int(seconds.rounded(.up)))
        if Double(whole) != seconds { note(statement, "becomes \(whole) s") }
        return whole
    }

    /// The address of a statement; nil, with a remark, where it is none.
    mutating func address(_ statement: KeepalivedStatement) -> IPAddress? {
        if let address = statement.values.first.flatMap({ IPAddress($0) }) { return address }
        note(statement, "is not translated; it is not an IPv4 or IPv6 address")
        return nil
    }

    /// Whether a switch is on: alone, or with a word for true.
    static func isOn(_ statement: KeepalivedStatement) -> Bool {
        statement.values.first.map { ["on", "true", "yes"].contains($0) } ?? true
    }
}

// MARK: - The result

extension Translation {
    mutating func configuration(name: String) -> String {
        var output = ConfigurationText()
        let shown = ConfigurationText.isPlain(name) ? name : "a keepalived.conf"
        output.comment("Made from \(shown) by lbaasctl import keepalived. What was left out is on standard error.")
        if !servers.isEmpty {
            output.section("", "worker", comment: "IPVS, as keepalived uses it. The unit needs the drop-in lbaas-worker-ipvs.conf.")
            output.add("driver", "ipvs")
        }
        let programs = Set(servers.compactMap { $0.check?.program })
        if !programs.isEmpty {
            output.section("", "health", comment: "The programs that checks may run.")
            output.add("programs", programs.sorted().joined(separator: ", "))
        }
        writeServers(to: &output)
        if !addresses.isEmpty {
            output.comment(
                "The unit needs the drop-in lbaas-worker-vip.conf. Several hosts agree by etcd about who has an address; each needs:",
                "[cluster]", "etcd = http://127.0.0.1:2379")
        }
        for address in addresses { address.write(to: &output) }
        return output.text
    }
}
