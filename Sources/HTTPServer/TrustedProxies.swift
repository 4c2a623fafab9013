import Glibc

/// The proxies before a server, which name the client of a request in `X-Forwarded-For`. What others say there is not believed.
package struct TrustedProxies: Sendable {
    /// Whether an address, as `inet_ntop` writes it, is that of a proxy.
    private let contains: @Sendable (String) -> Bool

    /// - Parameter contains: whether an address, as `inet_ntop` writes it, is that of a proxy.
    package init(_ contains: @escaping @Sendable (String) -> Bool) { self.contains = contains }

    /// The address of the client: the last one in `X-Forwarded-For` that is no proxy's, for each proxy adds the address that it was reached
    /// from. It is the first one where all are proxies', and what is before a text that is no address is not looked at.
    ///
    /// - Parameter peer: where the connection comes from.
    func client(of headers: HTTPHeaders, from peer: String) -> String {
        guard contains(peer) else { return peer }
        var client = peer
        let named = headers.all("x-forwarded-for").joined(separator: ",").split(separator: ",", omittingEmptySubsequences: false)
        for text in named.reversed() {
            guard contains(client), let address = address(text) else { break }
            client = address
        }
        return client
    }

    /// An address as `inet_ntop` writes it, from ADDRESS, ADDRESS:PORT for IPv4, [ADDRESS] or [ADDRESS]:PORT; nil for anything else.
    private func address(_ text: Substring) -> String? {
        let text = text.drop { $0 == " " || $0 == "\t" }
        let bare =
            text.first == "["
            ? text.dropFirst().prefix { $0 != "]" }
            : text.prefix { $0 != " " && $0 != "\t" }
        if let found = canonical(String(bare)) { return found }
        return canonical(String(bare.prefix { $0 != ":" }))
    }

    private func canonical(_ text: String) -> String? {
        var bytes = in6_addr()
        var written = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        for family in [AF_INET, AF_INET6] where unsafe inet_pton(family, text, &bytes) == 1 {
            guard unsafe inet_ntop(family, &bytes, &written, socklen_t(written.count)) != nil else { return nil }
            return String(decoding: written.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        return nil
    }
}
