import JSON
import LBaaS
import Requests

/// How go_keepalived checks a real server: `tcp`, `http URL` or `https URL`.
struct ServiceCheck: Hashable, Sendable {
    /// A connection, which is what a service has where nothing is said.
    static let tcp = ServiceCheck(monitor: Monitor(kind: .connect))

    private var monitor: Monitor

    private init(monitor: Monitor) { self.monitor = monitor }

    /// Reads one.
    ///
    /// - Parameter real: the real server that is checked. A URL that names it is asked of each real server; another host is the `Host` that
    ///   each real server is asked for.
    init(_ text: String, of real: Endpoint?) throws(Refusal) {
        let words = text.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
        switch words.first?.lowercased() {
        case "tcp" where words.count == 1: monitor = Monitor(kind: .connect)
        case "http" where words.count == 2: monitor = Monitor(kind: .http)
        case "https" where words.count == 2: monitor = Monitor(kind: .https)
        default: throw Refusal(.invalid, "Check: '\(text.shortened)' is none of 'tcp', 'http URL' and 'https URL'")
        }
        if words.count == 2 { try read(words[1], of: real) }
    }

    private mutating func read(_ url: String, of real: Endpoint?) throws(Refusal) {
        func wrong(_ complaint: String) -> Refusal { Refusal(.invalid, "Check: '\(url.shortened)' \(complaint)") }
        let scheme = monitor.kind == .http ? "http://" : "https://"
        guard url.lowercased().hasPrefix(scheme) else { throw wrong("does not begin with \(scheme)") }
        let rest = url.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest.dropFirst(authority.count).prefix { $0 != "#" }
        monitor.path = path.hasPrefix("/") ? String(path) : "/" + path
        monitor.expectedCodes = [200...200]
        guard let (host, port) = Self.endpoint(of: authority) else { throw wrong("has no host, or a port that is none") }
        let actualPort = port ?? (monitor.kind == .http ? 80 : 443)
        if real == nil || actualPort != real?.port { monitor.port = actualPort }
        if host != real?.host {
            // A name is what a virtual host of the real server is called; an address would be another machine's.
            guard case .name(let name) = host else {
                guard real == nil else { throw wrong("is not at the real server: write the address of RIP, or a name for the Host header") }
                return
            }
            monitor.host = name
        }
    }

    /// The host and the port of `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`; nil for anything else.
    private static func endpoint(of authority: Substring) -> (host: HostAddress, port: UInt16?)? {
        var host = authority
        var rest: Substring = ""
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            rest = authority[authority.index(after: end)...]
            guard IPAddress(String(host)) != nil else { return nil }
        } else if let colon = authority.firstIndex(of: ":") {
            (host, rest) = (authority[..<colon], authority[colon...])
        }
        guard let address = HostAddress(String(host)) else { return nil }
        if rest.isEmpty { return (address, nil) }
        guard rest.hasPrefix(":"), rest.dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(rest.dropFirst()),
            port > 0
        else { return nil }
        return (address, port)
    }

    /// The monitor of a load balancer. As go_keepalived has it, one check is made in each time that it may take, and one decides.
    func monitor(timeout: UInt32) -> Monitor {
        var monitor = monitor
        (monitor.delay, monitor.timeout, monitor.attempts, monitor.rise) = (timeout, timeout, 1, 1)
        return monitor
    }
}
