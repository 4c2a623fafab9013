import Foundation
import HostSystem
import TestSupport

/// An authority, and certificates that it made, in a folder that goes with this value.
final class Certificates: Sendable {
    /// The authority's own certificate.
    var authority: String { "\(folder)/authority.pem" }

    private let folder = "/tmp/lbaas-certificates-\(UUID())"

    /// What is wrong with a certificate, if anything.
    enum Kind: String, CaseIterable, Sendable {
        case good, expired, selfSigned
    }

    /// Makes one of each kind, for `web.test` and 127.0.0.1.
    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        try openssl(["req", "-x509", "-subj", "/CN=authority", "-keyout", "\(folder)/authority.key", "-out", authority] + key)
        try openssl(["req", "-subj", "/CN=web.test", "-keyout", "\(folder)/key", "-out", "\(folder)/request"] + key)
        try names.write(toFile: "\(folder)/names", atomically: false, encoding: .utf8)
        let signed = ["x509", "-req", "-in", "\(folder)/request", "-extfile", "\(folder)/names"]
        let byAuthority = signed + ["-CA", authority, "-CAkey", "\(folder)/authority.key"]
        try openssl(byAuthority + ["-days", "2", "-out", file(.good)])
        try openssl(byAuthority + ["-days", "-1", "-out", file(.expired)])
        try openssl(signed + ["-signkey", "\(folder)/key", "-days", "2", "-out", file(.selfSigned)])
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private let names = "subjectAltName=DNS:web.test,IP:127.0.0.1\n"

    private func openssl(_ arguments: [String]) throws { _ = try runProgram("/usr/bin/openssl", arguments) }

    /// What tells `openssl s_server` to use one of them where a client names the other server.
    func second(_ kind: Kind) -> [String] { ["-cert2", file(kind), "-key2", "\(folder)/key"] }

    fileprivate func file(_ kind: Kind) -> String { "\(folder)/\(kind.rawValue).pem" }

    /// Starts a server with one of them.
    ///
    /// - Parameter arguments: what `openssl s_server` is told besides.
    func serve(_ kind: Kind, _ arguments: [String] = ["-www"]) throws -> TLSServer {
        try TLSServer(["-cert", file(kind), "-key", "\(folder)/key"] + arguments)
    }
}

/// OpenSSL's own server, which answers every HTTP request with a page about the connection. It ends with this value.
final class TLSServer {
    let port: UInt16
    private let child: Child
    /// Without -www it ends with its input.
    private let input = Pipe()

    fileprivate init(_ arguments: [String]) throws {
        let output = Pipe()
        let program = Program(path: "/usr/bin/openssl", arguments: ["s_server", "-accept", "127.0.0.1:0"] + arguments)
        child = try Child(
            program, input: input.fileHandleForReading.fileDescriptor, output: output.fileHandleForWriting.fileDescriptor)
        try output.fileHandleForWriting.close()
        // It says `ACCEPT 127.0.0.1:34203` when it is ready.
        var text = ""
        var port: UInt16?
        while port == nil, case let piece = output.fileHandleForReading.availableData, !piece.isEmpty {
            text += String(decoding: piece, as: UTF8.self)
            if let line = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().first(where: { $0.hasPrefix("ACCEPT") })
            {
                port = line.split(separator: ":").last.flatMap { UInt16($0) }
            }
        }
        guard let port else { throw Failure("openssl s_server did not start: \(text)") }
        self.port = port
    }

    deinit {
        child.kill()
        _ = child.collect()
    }
}
