import LBaaS

private enum MonitorField: Int {
    case type, delay, timeout, attempts, path, rise, expectedCodes, host, port, method, initial, quiesce, slowStart
}

private let monitorFields = FieldTable<MonitorField, 13>([
    "type", "delay", "timeout", "attempts", "path", "rise", "expected_codes", "host", "port", "method", "initial", "quiesce",
    "slow_start",
])

private enum Initial: String, CaseIterable {
    case up = "UP"
    case down = "DOWN"
}

/// The fields of a monitor, of which the required ones are there.
struct MonitorFields {
    private let type: JSONValue
    private let fields: Fields<MonitorField, 13>

    /// - Throws: what the original says where a required field is missing; it wants type, delay, timeout and attempts, in this order.
    init(_ object: JSONValue) throws(RequestError) {
        fields = try monitorFields.find(in: object)
        guard let type = fields[.type] else { throw .badRequest("Missing monitor value 'type'", path: object.path) }
        self.type = type
        for (field, name) in [(.delay, "delay"), (.timeout, "timeout"), (.attempts, "attempts")] as [(MonitorField, String)]
        where fields[field] == nil {
            throw .badRequest("Missing monitor value '\(name)'", path: object.path)
        }
    }

    /// True where the client sent a path.
    var hasPath: Bool { fields[.path] != nil }

    /// Reads the monitor.
    func decode() throws(RequestError) -> Monitor {
        var monitor = Monitor(kind: try type.oneOf(Monitor.Kind.self, "a monitor type"))
        let seconds = 1...86_400
        if let delay = fields.unlessNull(.delay) { monitor.delay = UInt32(try delay.integer("a delay in s", seconds)) }
        monitor.timeout = monitor.delay
        if let timeout = fields.unlessNull(.timeout) {
            monitor.timeout = UInt32(try timeout.integer("a timeout in s", seconds))
            guard monitor.timeout <= monitor.delay else { throw timeout.wrong("is longer than the delay of \(monitor.delay) s") }
        }
        if let attempts = fields.unlessNull(.attempts) { monitor.attempts = UInt32(try attempts.integer("a number of attempts", 1...1000)) }
        if let path = fields.unlessNull(.path) { monitor.path = try decodePath(path) }
        if let rise = fields.unlessNull(.rise) { monitor.rise = UInt32(try rise.integer("a number of checks", 1...1000)) }
        if let codes = fields.unlessNull(.expectedCodes) { monitor.expectedCodes = try decodeCodes(codes) }
        if let host = fields.unlessNull(.host) { monitor.host = try printable(host, "a host") }
        if let port = fields.unlessNull(.port) { monitor.port = try port.port() }
        if let method = fields.unlessNull(.method) { monitor.method = try decodeMethod(method) }
        if let initial = fields.unlessNull(.initial) { monitor.initiallyUp = try initial.oneOf(Initial.self, "how a node begins") == .up }
        if let quiesce = fields.unlessNull(.quiesce) { monitor.quiesces = try quiesce.boolean("whether a node keeps its connections") }
        if let slowStart = fields.unlessNull(.slowStart) { monitor.slowStart = UInt32(try slowStart.integer("a time in s", 0...86_400)) }
        return monitor
    }

    private func decodePath(_ field: JSONValue) throws(RequestError) -> String {
        let path = try printable(field, "a path")
        return path.utf8.first == UInt8(ascii: "/") ? path : "/" + path
    }

    private func decodeMethod(_ field: JSONValue) throws(RequestError) -> String {
        let method = try printable(field, "a method")
        guard !method.isEmpty, method.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
            throw field.wrong("is not a method (capital letters, as in GET)")
        }
        return method
    }

    /// These go into requests and configuration files, where a line feed would begin something else.
    private func printable(_ field: JSONValue, _ meaning: StaticString) throws(RequestError) -> String {
        let text = try field.string(meaning)
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
            throw field.wrong("has control characters")
        }
        return text
    }

    /// A status code, with blanks around it at the most.
    private static func code(_ text: Substring) -> UInt16? {
        let digits = text.trimmingPrefix(" ").prefix { $0 != " " }
        guard text.trimmingPrefix(" ").dropFirst(digits.count).allSatisfy({ $0 == " " }) else { return nil }
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt16(digits)
    }

    /// `"200"`, `"200-299,301"`, or the number 200.
    private func decodeCodes(_ field: JSONValue) throws(RequestError) -> [ClosedRange<UInt16>] {
        let text = field.isNumber ? field.spelling : try field.string("a list of status codes")
        var ranges: [ClosedRange<UInt16>] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let bounds = item.split(separator: "-", omittingEmptySubsequences: false).map(Self.code)
            guard let first = bounds.first ?? nil, let last = bounds.last ?? nil, bounds.count <= 2,
                first <= last, (100...599).contains(first), (100...599).contains(last)
            else {
                throw field.wrong(#"is not a list of status codes, as in "200-299,301""#)
            }
            ranges.append(first...last)
        }
        return ranges
    }
}
