import Arguments
import Glibc
import HTTPClient
import HostSystem

/// Which worker is asked, and how.
struct ServerChoice: Equatable {
    /// The socket that the worker has by default.
    static let defaultSocket = "/run/lbaas/api.sock"

    /// The path of a Unix socket; nil for TCP.
    var socket: String?
    /// What all paths follow on: `https://HOST:PORT`.
    var base: String
    /// The token that is sent; nil for none.
    var token: String?
    var authorities: String?
    var certificate: String?
    var key: String?

    /// What it is called in messages.
    var name: String { socket.map { "the socket \($0)" } ?? base }

    /// The worker that options and environment name.
    ///
    /// - Parameters:
    ///   - option: the value of an option; nil where it was not given.
    ///   - environment: a variable of the environment; nil where it is not set.
    init(_ option: (String) -> String?, environment: (String) -> String?) throws(CommandFailure) {
        let socket = option("socket")
        let url = option("server") ?? (socket == nil ? environment("LBAAS_SERVER").flatMap { $0.isEmpty ? nil : $0 } : nil)
        if socket != nil, url != nil { throw CommandFailure(.usage, "--socket and --server exclude each other: give one of them") }
        (authorities, certificate, key) = (option("ca"), option("cert"), option("key"))
        guard let url else {
            (self.socket, base) = (socket ?? Self.defaultSocket, "http://localhost")
            // sun_path, with the zero at its end.
            if self.socket?.utf8.count ?? 0 > 107 {
                throw CommandFailure(.usage, "--socket: the path of a Unix socket has 107 bytes at most")
            }
            if authorities != nil || certificate != nil { throw CommandFailure(.usage, "--ca and --cert are for --server only") }
            return
        }
        let source = option("server") == nil ? "LBAAS_SERVER" : "--server"
        let server: ServerURL
        do throws(ServerURL.Fault) { server = try ServerURL(url) } catch {
            throw CommandFailure(.usage, "\(source): '\(url)' is not the address of a worker: it is https://HOST:PORT, and nothing follows")
        }
        base = "\(server.isSecure ? "https" : "http")://\(server.host)" + (server.port.map { ":\($0)" } ?? "")
        token = try TokenFile.read(environment: environment)
        if token != nil, !server.isSecure, !Self.isLoopback(server.host) {
            throw CommandFailure(
                .usage, "\(source): the token is not sent to \(server.host) without TLS: the address must begin with https://")
        }
    }

    private static func isLoopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let isIPv4 = parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
        return host.lowercased() == "localhost" || host == "[::1]" || (isIPv4 && parts[0] == "127")
    }
}

/// The file of the token.
enum TokenFile {
    /// The most bytes of a token's file.
    private static let limit = 4096

    /// The path: nil where the environment names no home.
    static func path(environment: (String) -> String?) -> String? {
        func folder(_ name: String) -> String? { environment(name).flatMap { $0.hasPrefix("/") ? $0 : nil } }
        return (folder("XDG_CONFIG_HOME") ?? folder("HOME").map { $0 + "/.config" }).map { $0 + "/lbaas/token" }
    }

    /// The token; nil where there is no file.
    ///
    /// - Throws: where others may read it, or it has no token.
    static func read(environment: (String) -> String?) throws(CommandFailure) -> String? {
        guard let path = path(environment: environment) else { return nil }
        var status = stat()
        if unsafe stat(path, &status) == 0 {
            if status.st_uid != geteuid() {
                throw CommandFailure(.usage, "\(path): belongs to another user: a token of your own is needed there")
            }
            if status.st_mode & 0o077 != 0 {
                throw CommandFailure(
                    .usage, "\(path): others may use it: run chmod 600 \(path), and take a new token where somebody may have read it")
            }
        }
        let bytes: [UInt8]
        do throws(RegularFile.Failure) {
            bytes = try RegularFile.read(path, limit: limit).bytes
        } catch {
            if error == .unreadable(ENOENT) || error == .unreadable(ENOTDIR) { return nil }
            throw CommandFailure(.ioError, "\(path): \(error.sentence)")
        }
        let words = bytes.split { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        guard words.count == 1, words[0].allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CommandFailure(.usage, "\(path): must have a token in one line, of printable ASCII, and nothing else")
        }
        return String(decoding: words[0], as: UTF8.self)
    }
}

extension RegularFile.Failure {
    /// Why there is nothing to read, in words.
    var sentence: String {
        switch self {
        case .unreadable(let code): "cannot be read: \(systemText(code))"
        case .notRegular: "is not a regular file"
        case .tooLarge(let limit): "has more than \(limit) bytes"
        }
    }
}

/// The system's words for an error number.
func systemText(_ code: Int32) -> String { errorText(code) }
