/// Sorts log lines by the load balancer that they are of.
///
/// haproxy writes them as RFC 5424 says, `<134>1 TIME HOST TAG PROCESS - - MESSAGE`, where the tag is the load balancer's name: the
/// configuration says so with `log-tag`. What a client sends comes behind it, so that no client can write into another's log.
struct LogLines {
    /// The most bytes without an end of line, far more than haproxy writes.
    private static let longest = 1 << 16

    /// How many lines could not be read.
    private(set) var unreadable = 0

    /// What haproxy said of its servers in the bytes that were sorted last, such as `Server shop/n1 is DOWN, reason: Layer4 timeout, …`.
    private(set) var serverMessages: [(tag: String, message: String)] = []

    private let host: [UInt8]
    private var unfinished: [UInt8] = []

    /// - Parameter host: the name to write where a line has none.
    init(host: String) { self.host = Array(host.utf8) }

    /// Takes in the next bytes of the stream.
    ///
    /// - Returns: the lines that are whole, by their tag, as a log file has them: `TIME HOST haproxy[PROCESS]: MESSAGE`.
    mutating func sort(_ bytes: ArraySlice<UInt8>) -> [String: [UInt8]] {
        serverMessages = []
        guard let last = bytes.lastIndex(of: newline) else {
            keep(unfinished + bytes)
            return [:]
        }
        var sorted: [ArraySlice<UInt8>: [UInt8]] = [:]
        let whole = unfinished + bytes[..<last]
        for line in whole.split(separator: newline) {
            if let parsed = SyslogLine(line) {
                parsed.append(to: &sorted[parsed.tag, default: []], host: host)
                if parsed.isOfServer {
                    serverMessages.append((String(decoding: parsed.tag, as: UTF8.self), String(decoding: parsed.message, as: UTF8.self)))
                }
            } else {
                unreadable += 1
            }
        }
        keep(Array(bytes[(last + 1)...]))
        // Bytes that are no text can become one text.
        return Dictionary(sorted.map { (String(decoding: $0.key, as: UTF8.self), $0.value) }, uniquingKeysWith: +)
    }

    private mutating func keep(_ rest: [UInt8]) {
        unfinished = rest.count > Self.longest ? [] : rest
        if rest.count > Self.longest { unreadable += 1 }
    }
}

/// A line as RFC 5424 says, in its parts.
private struct SyslogLine {
    /// The severity of lines about requests. What haproxy says of its servers is more severe.
    private static let informational: UInt8 = 6

    private let severity: UInt8
    let time: ArraySlice<UInt8>
    let host: ArraySlice<UInt8>
    let tag: ArraySlice<UInt8>
    let process: ArraySlice<UInt8>
    let message: ArraySlice<UInt8>

    /// Reads a line. What stands before it is passed over: haproxy 2.6 wakes its threads with a letter that can end up on its
    /// standard input while it starts.
    ///
    /// - Returns: nil where it is none.
    init?(_ line: ArraySlice<UInt8>) {
        guard let start = line.firstIndex(of: UInt8(ascii: "<")) else { return nil }
        let blank = UInt8(ascii: " ")
        let words = line[start...].split(separator: blank, maxSplits: 6, omittingEmptySubsequences: false)
        guard words.count == 7, words[0].suffix(2).elementsEqual(">1".utf8) else { return nil }
        (time, host, tag, process) = (words[1], words[2], words[3], words[4])
        if tag.isEmpty { return nil }
        // The last three bits of the priority (RFC 5424, section 6.2.1).
        severity = words[0].dropFirst().dropLast(2).reduce(0) { $0 &* 10 &+ ($1 &- UInt8(ascii: "0")) } & 7
        // Structured data is there only where the operator's configuration asks for it; it is part of the message then.
        message = words[6].starts(with: "- ".utf8) ? words[6].dropFirst(2) : words[6]
    }

    /// Whether it says how a server is.
    var isOfServer: Bool {
        severity < Self.informational && (message.starts(with: "Server ".utf8) || message.starts(with: "Backup Server ".utf8))
    }

    func append(to text: inout [UInt8], host ownHost: [UInt8]) {
        text += time
        text.append(UInt8(ascii: " "))
        if host.elementsEqual("-".utf8) { text += ownHost } else { text += host }
        text += " haproxy[".utf8
        text += process
        text += "]: ".utf8
        text += message
        text.append(newline)
    }
}
