import HostSystem
import LBaaS

/// A line of the answer to `show stat`.
struct StatisticsRow: Hashable {
    /// What the line is about.
    enum Kind: String, Hashable {
        case frontend = "0"
        case backend = "1"
        case server = "2"
        case listener = "3"
    }

    let kind: Kind
    /// The name of the proxy.
    let proxy: ApplianceName
    /// haproxy's id of the proxy.
    let number: UInt32
    /// The name of the server.
    let server: ApplianceName
    let status: Substring
    let bytesIn: UInt64
    let bytesOut: UInt64
    /// How many sessions there are now.
    let sessions: UInt64
    /// How many sessions there were.
    let totalSessions: UInt64
    let isBackup: Bool
    /// The weight that a server has; nil where haproxy does not tell.
    let weight: UInt32?
    /// What its checks say, where that was asked for; nil for one that is not checked.
    let check: Check?

    /// What the checks of a server say.
    struct Check: Hashable {
        /// The result of the last one, as haproxy abbreviates it, such as `L7OK`.
        let result: Substring
        /// The result in words, such as `Layer7 wrong status`.
        let meaning: Substring
        /// The status that a node answered with; empty where it did not.
        let code: Substring
        /// What else haproxy tells, such as what the system said of a connection.
        let information: Substring
        /// Since when the server is up or down; nil where haproxy does not tell.
        let secondsSinceChange: UInt32?

        /// Whether one has ended since the server was made, or the file was loaded.
        var hasEnded: Bool { result != "INI" }

        /// Whether the last one passed.
        var isPassed: Bool { result.hasSuffix("OK") || result.hasSuffix("OKC") }

        /// The result as haproxy logs it: `Layer7 wrong status, code: 503, info: "Service Unavailable"`.
        var words: String {
            var words = String(meaning)
            if !code.isEmpty, code != "0" { words += ", code: \(code)" }
            if !information.isEmpty, !isPassed { words += ", info: \"\(information)\"" }
            return words
        }
    }

    /// Reads the answer. Lines that lack what is needed are left out.
    ///
    /// - Parameter withChecks: whether to read what checks say, too.
    static func rows(_ text: String, withChecks: Bool = false) -> [StatisticsRow] {
        // Only fields with a comma, a quotation mark or a line end are in quotation marks: what a node answered.
        let lines: [[Substring]] = text.utf8.contains(UInt8(ascii: "\"")) ? CSV.records(text) : []
        var plain = lines.isEmpty ? text.parts(at: "\n")[...] : []
        guard let header = (lines.first?.joined(separator: ",") ?? plain.popFirst().map(String.init))?.rest(after: "# ") else { return [] }
        let columns = Columns(header, withChecks: withChecks)
        return lines.isEmpty ? plain.compactMap { columns.row($0) } : lines.dropFirst().compactMap { columns.row($0) }
    }

    private struct Columns {
        private let places: [Substring: Int]
        private let count: Int
        private let withChecks: Bool

        init(_ header: Substring, withChecks: Bool) {
            let names = header.parts(at: ",", omittingEmptySubsequences: false)
            let places = Dictionary(zip(names, 0...)) { first, _ in first }
            var needed: [Substring] = ["pxname", "svname", "scur", "stot", "bin", "bout", "status", "weight", "bck", "iid", "type"]
            if withChecks { needed += ["lastchg", "check_status", "check_code", "last_chk", "check_desc"] }
            self.withChecks = withChecks
            self.places = places
            count = (needed.compactMap { places[$0] }.max() ?? 0) + 1
        }

        func row(_ line: Substring) -> StatisticsRow? {
            // What follows the last column that is needed is more than the rest.
            row(line.parts(at: ",", maxSplits: count, omittingEmptySubsequences: false))
        }

        func row(_ fields: [Substring]) -> StatisticsRow? {
            func field(_ name: Substring) -> Substring { places[name].flatMap { $0 < fields.count ? fields[$0] : nil } ?? "" }
            guard let kind = Kind(rawValue: String(field("type"))), let number = UInt32(field("iid")) else { return nil }
            return StatisticsRow(
                kind: kind, proxy: ApplianceName(text: String(field("pxname"))), number: number,
                server: ApplianceName(text: String(field("svname"))), status: field("status"), bytesIn: UInt64(field("bin")) ?? 0,
                bytesOut: UInt64(field("bout")) ?? 0, sessions: UInt64(field("scur")) ?? 0,
                totalSessions: UInt64(field("stot")) ?? 0, isBackup: field("bck") == "1",
                weight: UInt32(field("weight")),
                check: withChecks ? check(field) : nil)
        }

        private func check(_ field: (Substring) -> Substring) -> Check? {
            // A check that goes on is marked with "* ".
            let result = field("check_status").dropping("*", " ")
            if result.isEmpty { return nil }
            return Check(
                result: result, meaning: field("check_desc"), code: field("check_code"), information: field("last_chk"),
                secondsSinceChange: UInt32(field("lastchg")))
        }
    }

    /// Whether a server gets traffic: haproxy says `UP`, with more behind it where a check began to fail, or `no check`.
    var isUp: Bool { status.rest(after: "UP") != nil || status == "no check" }

    /// Whether its checks pass: one that drains says `DRAIN` as long as they do.
    var isSound: Bool { isUp || status.rest(after: "DRAIN") != nil }
}

/// Records of comma-separated values (RFC 4180), in which a field in quotation marks may have commas and line ends.
enum CSV {
    /// The fields of each record. Empty lines are none.
    static func records(_ text: String) -> [[Substring]] {
        var (records, fields, field): ([[Substring]], [Substring], [UInt8]) = ([], [], [])
        var (isQuoted, wasQuote) = (false, false)
        func end() {
            fields.append(Substring(String(decoding: field, as: UTF8.self)))
            field.removeAll(keepingCapacity: true)
        }
        for byte in text.utf8 {
            if isQuoted {
                if byte == UInt8(ascii: "\"") { (isQuoted, wasQuote) = (false, true) } else { field.append(byte) }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                // Two of them stand for one.
                if wasQuote { field.append(byte) }
                isQuoted = true
            case UInt8(ascii: ","): end()
            case UInt8(ascii: "\n"):
                if !fields.isEmpty || !field.isEmpty {
                    end()
                    records.append(fields)
                }
                fields = []
            default: field.append(byte)
            }
            wasQuote = false
        }
        if !fields.isEmpty || !field.isEmpty {
            end()
            records.append(fields)
        }
        return records
    }
}
