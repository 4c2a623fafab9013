import LBaaS

extension HTTPRequest {
    /// Why it cannot be sent; nil where it can.
    var fault: String? {
        if method.isEmpty || !method.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) {
            return "HTTP: \(method.debugDescription) is not a method"
        }
        if let host, host.utf8.contains(where: { $0 < 0x21 || $0 == 0x7F }) { return "HTTP: \(host.debugDescription) is not a host" }
        if path.utf8.first != UInt8(ascii: "/") { return "HTTP: \(path.debugDescription) is not a path" }
        guard var tls else { return nil }
        tls.serverName = tls.serverName ?? hostName
        return tls.fault
    }

    /// The path as a request line has it.
    var target: String {
        var target = ""
        for byte in path.utf8 {
            if (0x21...0x7E).contains(byte) {
                target.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                target += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return target
    }

    /// The name in the `Host` header; nil where there is none.
    var hostName: String? { LBaaS.hostName(inHeader: host) }

    /// The `Host` header where none is named: the address, with the port where it is not the usual one.
    func usualHost(of check: Check) -> String {
        check.port == (tls == nil ? 80 : 443) ? HostAddress.address(check.address).inURL : "\(check.endpoint)"
    }

    /// Whether a status passes.
    func result(of status: UInt16) -> CheckResult {
        let passing = expectedCodes.isEmpty ? [Self.usualCodes] : expectedCodes
        if passing.contains(where: { $0.contains(status) }) { return .passed }
        return .failed("HTTP: status \(status), expected \(passing.text)")
    }
}

extension TLS {
    /// Why no handshake can be made; nil where it can.
    var fault: String? {
        guard let serverName, HostAddress(serverName) == nil else { return nil }
        return "TLS: \(serverName.debugDescription) is not the name of a server"
    }
}
