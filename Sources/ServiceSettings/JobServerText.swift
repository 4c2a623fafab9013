package import DaemonSupport
package import JobQueue
import LBaaS

// How a server is written on the command line and in the configuration file.

extension JobServer {
    /// Reads `host:port`, `[v6]:port`, or a host alone where there is a default port.
    package init(_ text: String, defaultPort: UInt16?) throws(BadValue) {
        let (host, rest) = try Self.split(text)
        let port: UInt16
        if rest.isEmpty, let defaultPort {
            port = defaultPort
        } else if rest.isEmpty {
            throw BadValue("'\(text)' lacks a port; write \(text):PORT")
        } else if rest.first == ":", let number = WholeNumber.read(rest.dropFirst(), in: 1...65535) {
            port = UInt16(number)
        } else {
            throw BadValue("'\(text)' does not end in a port from 1 to 65535; write HOST:PORT, or [ADDRESS]:PORT for IPv6")
        }
        self.init(host: host, port: port)
    }

    /// The host of a text, and what follows it: nothing, or a colon and the port.
    private static func split(_ text: String) throws(BadValue) -> (host: String, rest: Substring) {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]"), case .v6 = IPAddress(String(text[..<end].dropFirst())) else {
                throw BadValue("'\(text)' is not an IPv6 address in brackets, such as [2001:db8::7]:4730")
            }
            return (String(text[..<end].dropFirst()), text[end...].dropFirst())
        }
        if case .v6 = IPAddress(text) {
            throw BadValue("'\(text)' is an IPv6 address without brackets; write [\(text)]:PORT")
        }
        let host = text.prefix { $0 != ":" }
        guard HostAddress(String(host)) != nil else {
            throw BadValue("'\(text)' does not begin with a host name or an address; write HOST:PORT, or [ADDRESS]:PORT for IPv6")
        }
        return (String(host), text[host.endIndex...])
    }
}
