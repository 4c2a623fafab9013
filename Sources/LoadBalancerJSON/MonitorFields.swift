import JSON
import LBaaS

private enum MonitorField: Int, FieldName, CaseIterable {
    case type, delay, timeout, attempts, path, rise, expectedCodes, host, port, method, initial, quiesce, slowStart
    case address, source, verify, caFile, serverName, send, expect, command

    static let table = FieldTable<MonitorField>([
        "type", "delay", "timeout", "attempts", "path", "rise", "expected_codes", "host", "port", "method", "initial", "quiesce",
        "slow_start", "address", "source", "verify", "ca_file", "server_name", "send", "expect", "command",
    ])

    static let all = allCases

    /// The types that have it; nil where all have.
    var kinds: [Monitor.Kind]? {
        switch self {
        case .type, .delay, .timeout, .attempts, .path, .rise, .initial, .quiesce, .slowStart, .address: nil
        // CONNECT has taken these from the beginning, and does nothing with them.
        case .expectedCodes, .host, .method: [.http, .https, .connect]
        case .port: Monitor.Kind.allCases.filter { $0 != .icmp }
        case .source: Monitor.Kind.allCases.filter { $0 != .exec }
        case .verify, .caFile, .serverName: [.https, .tls]
        case .send, .expect: [.udp]
        case .command: [.exec]
        }
    }
}

private enum Initial: String, CaseIterable {
    case up = "UP"
    case down = "DOWN"
}

private let kinds = Choices(Monitor.Kind.self)
private let initials = Choices(Initial.self)

/// The fields of a monitor, of which the required ones are there.
struct MonitorFields {
    private let type: JSONValue
    private let fields: Fields<MonitorField>
    private let limits: LengthLimits

    /// - Throws: what the original says where a required field is missing; it wants type, delay, timeout and attempts, in this order.
    init(_ object: JSONValue, limits: LengthLimits) throws(FieldError) {
        self.limits = limits
        fields = try MonitorField.table.find(in: object)
        guard let type = fields[.type] else { throw .invalidObject("Missing monitor value 'type'", path: object.path) }
        self.type = type
        for (field, name) in [(.delay, "delay"), (.timeout, "timeout"), (.attempts, "attempts")] as [(MonitorField, String)]
        where fields[field] == nil {
            throw .invalidObject("Missing monitor value '\(name)'", path: object.path)
        }
        try fields.refuseNearMiss()
    }

    /// True where the client sent a path.
    var hasPath: Bool { fields[.path] != nil }

    /// Reads the monitor.
    func decode() throws(FieldError) -> Monitor {
        var monitor = Monitor(kind: try type.oneOf(kinds, "a monitor type"))
        try refuseFields(besides: monitor.kind)
        let seconds = 1...86_400
        if let delay = fields.unlessNull(.delay) { monitor.delay = UInt32(try delay.integer("a delay in s", seconds)) }
        monitor.timeout = monitor.delay
        if let timeout = fields.unlessNull(.timeout) {
            monitor.timeout = UInt32(try timeout.integer("a timeout in s", seconds))
            guard monitor.timeout <= monitor.delay else { throw timeout.wrong("is longer than the delay of \(monitor.delay) s") }
        }
        if let attempts = fields.unlessNull(.attempts) { monitor.attempts = UInt32(try attempts.integer("a number of attempts", 1...1000)) }
        if let rise = fields.unlessNull(.rise) { monitor.rise = UInt32(try rise.integer("a number of checks", 1...1000)) }
        try readPlace(into: &monitor)
        try readRequest(into: &monitor)
        if monitor.kind == .https || monitor.kind == .tls { monitor.tls = try decodeTLS() }
        if let payload = fields.unlessNull(.send) { monitor.payload = try decodeBytes(payload) }
        if let expect = fields.unlessNull(.expect) { monitor.expectedAnswer = try decodeBytes(expect) }
        if monitor.kind == .exec { monitor.command = try decodeCommand() }
        if let initial = fields.unlessNull(.initial) { monitor.initiallyUp = try initial.oneOf(initials, "how a node begins") == .up }
        if let quiesce = fields.unlessNull(.quiesce) { monitor.quiesces = try quiesce.boolean("whether a node keeps its connections") }
        if let slowStart = fields.unlessNull(.slowStart) { monitor.slowStart = UInt32(try slowStart.integer("a time in s", 0...86_400)) }
        return monitor
    }

    /// Refuses what another type has and this one has not.
    private func refuseFields(besides kind: Monitor.Kind) throws(FieldError) {
        for name in MonitorField.all {
            guard let field = fields.unlessNull(name), let kinds = name.kinds, !kinds.contains(kind) else { continue }
            throw field.wrong("is for type \(kinds.map(\.rawValue).joined(separator: ", ")), and this one is \(kind.rawValue)")
        }
    }

    private func readPlace(into monitor: inout Monitor) throws(FieldError) {
        if let port = fields.unlessNull(.port) { monitor.port = try port.port() }
        if let address = fields.unlessNull(.address) { monitor.address = try address.addressOfOneHost() }
        guard let field = fields.unlessNull(.source) else { return }
        let source = try field.addressOfOneHost()
        monitor.source = source
        if let address = monitor.address, !source.hasFamily(of: address) {
            throw field.wrong("is not of the family of \(address), which is checked")
        }
    }

    private func readRequest(into monitor: inout Monitor) throws(FieldError) {
        if let path = fields.unlessNull(.path) {
            monitor.path = try decodePath(path)
            // Each type has this one, for the reply gives it to each.
            if monitor.path != "/", !monitor.kind.takesAnyPath {
                throw path.wrong("is for type HTTP, HTTPS, and this one is \(monitor.kind.rawValue)")
            }
        }
        if let codes = fields.unlessNull(.expectedCodes) { monitor.expectedCodes = try decodeCodes(codes) }
        if let host = fields.unlessNull(.host) { monitor.host = try printable(host.within(limits.host), "a host") }
        if let method = fields.unlessNull(.method) { monitor.method = try decodeMethod(method) }
    }

    private func decodeTLS() throws(FieldError) -> TLS {
        var tls = TLS()
        if let verify = fields.unlessNull(.verify) { tls.isVerified = try verify.boolean("whether the certificate is verified") }
        if let file = fields.unlessNull(.caFile) {
            tls.authorities = try file.absolutePath(try printable(file, "a file"))
            guard tls.isVerified else { throw file.wrong("is for certificates that are verified, and verify is false") }
        }
        if let name = fields.unlessNull(.serverName) {
            guard HostAddress(try name.string("the name of a server")) != nil else { throw name.wrong("is not the name of a server") }
            tls.serverName = name.string
        }
        return tls
    }

    /// Text, or bytes in hexadecimal behind `0x`.
    private func decodeBytes(_ field: JSONValue) throws(FieldError) -> [UInt8] {
        var bytes = Array(try field.string("what a datagram holds").utf8)
        if bytes.starts(with: "0x".utf8) {
            guard let read = [UInt8](hexadecimal: bytes.dropFirst(2)) else {
                throw field.wrong("is not bytes in hexadecimal (0x, then two digits for each)")
            }
            bytes = read
        }
        guard bytes.count <= Self.largestDatagram else { throw field.wrong("is more than the \(Self.largestDatagram) bytes of a datagram") }
        return bytes
    }

    private func decodeCommand() throws(FieldError) -> [String] {
        guard let field = fields.unlessNull(.command) else {
            throw .invalid("\(fields.object.path(of: "command")): is missing; EXEC needs a program (a list: its path, and its arguments)")
        }
        var command: [String] = []
        for word in try field.list() {
            let text = try word.string("a word of a command")
            guard !text.utf8.contains(0) else { throw word.wrong("has a NUL") }
            command.append(command.isEmpty ? try word.absolutePath(text) : text)
        }
        guard !command.isEmpty else { throw field.wrong("names no program") }
        let size = command.reduce(0) { $0 + $1.utf8.count + 1 }
        guard size <= Self.longestCommand else { throw field.wrong("is longer than \(Self.longestCommand) bytes") }
        return command
    }

    /// What one datagram holds over IPv4, in bytes.
    private static let largestDatagram = 65_507
    /// Less than a page of Linux's limit for one word, so that any number of words keeps within that for all.
    private static let longestCommand = 65_536

    private func decodePath(_ field: JSONValue) throws(FieldError) -> String {
        let path = try printable(field.within(limits.path), "a path")
        return path.utf8.first == UInt8(ascii: "/") ? path : "/" + path
    }

    private func decodeMethod(_ field: JSONValue) throws(FieldError) -> String {
        let method = try printable(field.within(limits.method), "a method")
        guard !method.isEmpty, method.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
            throw field.wrong("is not a method (capital letters, as in GET)")
        }
        return method
    }

    /// These go into requests and configuration files, where a line feed would begin something else.
    private func printable(_ field: JSONValue, _ meaning: StaticString) throws(FieldError) -> String {
        let text = try field.string(meaning)
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
            throw field.wrong("has control characters")
        }
        return text
    }

    /// `"200"`, `"200-299,301"`, or the number 200.
    private func decodeCodes(_ field: JSONValue) throws(FieldError) -> [ClosedRange<UInt16>] {
        let field = try field.within(limits.codes)
        let text = field.isNumber ? field.spelling : try field.string("a list of status codes")
        guard let codes = [ClosedRange<UInt16>](statusCodes: text) else {
            throw field.wrong(#"is not a list of status codes, as in "200-299,301""#)
        }
        return codes
    }
}

extension MonitorFields {
    /// The names of the fields, in order.
    static var names: [String] { MonitorField.table.all }
}

extension Monitor.Kind {
    /// Whether a path other than `/` may be given. CONNECT has taken any from the beginning, as clients of the original know it.
    fileprivate var takesAnyPath: Bool { self == .http || self == .https || self == .connect }
}

extension JSONValue {
    /// The value as an address that checks can go to or come from.
    fileprivate func addressOfOneHost() throws(FieldError) -> IPAddress {
        let address = try ipAddress()
        guard !address.isUnspecified else { throw wrong("is not the address of one host") }
        return address
    }

    /// This text, which must be an absolute path.
    fileprivate func absolutePath(_ text: String) throws(FieldError) -> String {
        guard text.utf8.first == UInt8(ascii: "/"), text.utf8.count < 4096 else { throw wrong("is not an absolute path") }
        return text
    }
}
