import LBaaS

/// What checks take from what is around them: a real_server from its virtual_server, and a check from its real_server.
struct CheckDefaults: Equatable {
    var delay = 60
    var timeout = 5
    /// How often a check that failed is repeated; nil where each type has its own default.
    var retries: Int?
    /// Whether a node is down before its first check.
    var startsDown = false
    var host: String?
    /// Whether a node that is down stays in the table with the weight 0.
    var isInhibited = false
}

/// A check of a real_server.
struct Check: Equatable {
    /// The type of a monitor.
    let type: String
    var common: CheckDefaults
    /// Further fields of a monitor, in their order.
    var fields: [String: String] = [:]
    var port: UInt16?
    var address: IPAddress?
    var source: IPAddress?
    /// The program that it runs.
    var program: String?

    init(_ type: String, _ common: CheckDefaults) { (self.type, self.common) = (type, common) }

    /// The lines of a static service.
    func write(to output: inout ConfigurationText) {
        output.add("monitor.type", type)
        output.add("monitor.delay", "\(common.delay)")
        output.add("monitor.timeout", "\(min(common.timeout, common.delay))")
        output.add("monitor.attempts", "\((common.retries ?? 1) + 1)")
        output.add("monitor.rise", "1")
        if !common.startsDown { output.add("monitor.initial", "UP") }
        if common.isInhibited { output.add("monitor.quiesce", "true") }
        if let port { output.add("monitor.port", "\(port)") }
        if let address { output.add("monitor.address", address.description) }
        if let source { output.add("monitor.source", source.description) }
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) { output.add("monitor.\(name)", value) }
    }
}

extension Translation {
    /// Takes a statement that checks have in common; false where it is another one.
    mutating func take(_ part: KeepalivedStatement, into common: inout CheckDefaults) -> Bool {
        switch part.keyword {
        case "delay_loop": common.delay = seconds(part) ?? common.delay
        case "connect_timeout": common.timeout = seconds(part) ?? common.timeout
        case "retry", "nb_get_retry": common.retries = number(part, 0...999) ?? common.retries
        case "alpha": common.startsDown = Self.isOn(part)
        case "inhibit_on_failure": common.isInhibited = Self.isOn(part)
        case "virtualhost": common.host = plain(part) ?? common.host
        default: return false
        }
        return true
    }

    /// The value of a statement that can be in the file as it is; nil, with a remark, for any other.
    private mutating func plain(_ part: KeepalivedStatement) -> String? {
        if let value = part.values.first, ConfigurationText.isPlain(value) { return value }
        note(part, "is not translated; it has no value, or one with special characters")
        return nil
    }

    /// The check that a statement of a real_server is; nil, with a remark, where there is none like it.
    mutating func check(_ statement: KeepalivedStatement, _ defaults: CheckDefaults) -> Check? {
        switch statement.keyword {
        case "TCP_CHECK": return check(statement, Check("CONNECT", defaults)) { _, _, _ in false }
        case "PING_CHECK": return check(statement, Check("ICMP", defaults)) { _, _, _ in false }
        case "UDP_CHECK": return check(statement, Check("UDP", defaults)) { $0.takeDatagram($1, into: &$2) }
        case "HTTP_GET", "SSL_GET": return request(statement, defaults)
        case "MISC_CHECK": return program(statement, defaults)
        case "SMTP_CHECK":
            note(statement, "becomes a check whether a connection can be made")
            return check(statement, Check("CONNECT", defaults)) { _, _, _ in false }
        default:
            note(statement)
            return nil
        }
    }

    /// Reads the statements of a check, those of its type by `take`, which says whether it was one.
    private mutating func check(
        _ statement: KeepalivedStatement, _ start: Check, _ take: (inout Translation, KeepalivedStatement, inout Check) -> Bool
    ) -> Check {
        var check = start
        for part in statement.block ?? [] {
            switch part.keyword {
            case "connect_port": check.port = number(part, 1...65535).map { UInt16($0) } ?? check.port
            case "connect_ip": check.address = address(part) ?? check.address
            case "bindto": check.source = address(part) ?? check.source
            default:
                if !take(&self, part, &check), !self.take(part, into: &check.common) { note(part) }
            }
        }
        if check.common.timeout > check.common.delay {
            note(statement, "its timeout becomes \(check.common.delay) s, the time from one check to the next")
        }
        return check
    }

    private mutating func takeDatagram(_ part: KeepalivedStatement, into check: inout Check) -> Bool {
        func bytes() -> String? {
            let digits = part.values.joined()
            let isHexadecimal =
                digits.utf8.count % 2 == 0 && digits.utf8.count <= 4000
                && digits.utf8.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
                    default: false
                    }
                }
            return isHexadecimal ? "0x" + digits : nil
        }
        switch part.keyword {
        case "payload", "require_reply":
            let field = part.keyword == "payload" ? "send" : "expect"
            if let bytes = bytes() {
                check.fields[field] = bytes == "0x" ? "" : bytes
            } else {
                note(part, "is not translated; it is not a whole number of bytes in hexadecimal digits")
            }
        default: return false
        }
        return true
    }

    /// HTTP_GET and SSL_GET: of several URLs the first is taken.
    private mutating func request(_ statement: KeepalivedStatement, _ defaults: CheckDefaults) -> Check {
        let isEncrypted = statement.keyword == "SSL_GET"
        var hasURL = false
        var host: String?
        var check = check(statement, Check(isEncrypted ? "HTTPS" : "HTTP", defaults)) { translation, part, check in
            guard part.keyword == "url" else { return false }
            if hasURL { translation.note(part, "is not translated; only the first URL is requested") }
            if !hasURL { host = translation.readURL(part, into: &check) }
            hasURL = true
            return true
        }
        check.fields["host"] = host ?? check.common.host
        if check.fields["expected_codes"] == nil { check.fields["expected_codes"] = "200-299" }
        if isEncrypted { check.fields["verify"] = "false" }
        return check
    }

    /// Reads a URL of a request; returns its own host.
    private mutating func readURL(_ url: KeepalivedStatement, into check: inout Check) -> String? {
        var host: String?
        for part in url.block ?? [] {
            switch part.keyword {
            case "path": check.fields["path"] = plain(part) ?? check.fields["path"]
            case "virtualhost": host = plain(part)
            case "status_code":
                let codes = part.values.joined(separator: ",")
                if [ClosedRange<UInt16>](statusCodes: codes) != nil {
                    check.fields["expected_codes"] = codes
                } else {
                    note(part, "is not translated; codes are 100 to 599, as in 200-299 301")
                }
            default: note(part)
            }
        }
        return host
    }

    /// MISC_CHECK: a program with its arguments.
    private mutating func program(_ statement: KeepalivedStatement, _ defaults: CheckDefaults) -> Check? {
        var common = defaults
        common.retries = defaults.retries ?? 0
        common.timeout = common.delay
        var command: [String] = []
        var check = check(statement, Check("EXEC", common)) { translation, part, check in
            switch part.keyword {
            case "misc_path":
                // A command of several words is in quotes, and may have quotes of its own.
                command = part.words.count == 2 ? LineWords.words(part.words[1]) : Array(part.values)
            case "misc_timeout": check.common.timeout = translation.seconds(part) ?? check.common.timeout
            default: return false
            }
            return true
        }
        guard let program = command.first, program.hasPrefix("/"), ConfigurationText.isPlain(program), !program.contains(" "),
            !program.contains(",")
        else {
            note(statement, "is not translated; misc_path must be the whole path of a program")
            return nil
        }
        check.program = program
        check.fields["command"] = ConfigurationText.list(command)
        return check
    }
}
