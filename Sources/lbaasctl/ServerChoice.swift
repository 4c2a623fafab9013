import Arguments
import Authorization
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
    /// The key by which requests are signed, in place of the token; nil for none.
    var signingKey: SigningKey?
    var authorities: String?
    var certificate: String?
    var key: String?
    /// Whether a password is sent, to get a token.
    var isLogin = false

    /// What it is called in messages.
    var name: String { socket.map { "the socket \($0)" } ?? base }

    /// The worker that options and environment name.
    ///
    /// - Parameters:
    ///   - option: the value of an option; nil where it was not given.
    ///   - environment: a variable of the environment; nil where it is not set.
    ///   - isLogin: whether it is to get a token, so that the present one does not matter.
    init(_ option: (String) -> String?, environment: (String) -> String?, isLogin: Bool = false) throws(CommandFailure) {
        self.isLogin = isLogin
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
            if authorities != nil || certificate != nil || option("signing-key") != nil {
                throw CommandFailure(.usage, "--ca, --cert and --signing-key are for --server only")
            }
            return
        }
        let source = option("server") == nil ? "LBAAS_SERVER" : "--server"
        let server: ServerURL
        do throws(ServerURL.Fault) { server = try ServerURL(url) } catch {
            throw CommandFailure(.usage, "\(source): '\(url)' is not the address of a server: it is https://HOST:PORT, and nothing follows")
        }
        base = "\(server.isSecure ? "https" : "http")://\(server.host)" + (server.port.map { ":\($0)" } ?? "")
        if let path = option("signing-key") {
            signingKey = try SecretFile.signingKey(in: path)
            return
        }
        token = isLogin ? nil : try SecretFile.token(environment: environment)
        if token != nil || isLogin, !server.isSecure, !Self.isLoopback(server.host) {
            let secret = isLogin ? "password" : "token"
            throw CommandFailure(
                .usage, "\(source): the \(secret) is not sent to \(server.host) without TLS: the address must begin with https://")
        }
    }

    private static func isLoopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let isIPv4 = parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
        return host.lowercased() == "localhost" || host == "[::1]" || (isIPv4 && parts[0] == "127")
    }
}

/// Files with something secret of their owner.
enum SecretFile {
    /// The most bytes of such a file.
    private static let limit = 4096

    /// The path of the token: nil where the environment names no home.
    static func tokenPath(environment: (String) -> String?) -> String? {
        func folder(_ name: String) -> String? { environment(name).flatMap { $0.hasPrefix("/") ? $0 : nil } }
        return (folder("XDG_CONFIG_HOME") ?? folder("HOME").map { $0 + "/.config" }).map { $0 + "/lbaas/token" }
    }

    /// The token; nil where there is no file.
    ///
    /// - Throws: where others may read it, or it has no token.
    static func token(environment: (String) -> String?) throws(CommandFailure) -> String? {
        guard let path = tokenPath(environment: environment), let words = try words(in: path, "a token") else { return nil }
        guard words.count == 1 else {
            throw CommandFailure(.usage, "\(path): must have a token in one line, of printable ASCII, and nothing else")
        }
        return words[0]
    }

    /// Keeps a token, readable by its owner alone, in place of the one before.
    ///
    /// - Returns: the path.
    static func keep(token: String, environment: (String) -> String?) throws(CommandFailure) -> String {
        let path = try knownTokenPath(environment)
        let folder = String(path.dropLast("/token".count))
        // The folder of the configuration is there mostly, and that of this program after the first time.
        for folder in [String(folder.dropLast("/lbaas".count)), folder] where unsafe mkdir(folder, 0o700) != 0 && errno != EEXIST {
            throw CommandFailure(.ioError, "\(folder): cannot be made: \(systemText(errno))")
        }
        let draft = "\(path).\(getpid())"
        let file = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw CommandFailure(.ioError, "\(draft): cannot be made: \(systemText(errno))") }
        let bytes = Array((token + "\n").utf8)
        let isWritten = unsafe Glibc.write(file, bytes, bytes.count) == bytes.count && fsync(file) == 0
        let code = errno
        guard close(file) == 0, isWritten, unsafe rename(draft, path) == 0 else {
            let reason = systemText(isWritten ? errno : code)
            unsafe unlink(draft)
            throw CommandFailure(.ioError, "\(path): cannot be written: \(reason)")
        }
        return path
    }

    /// Forgets the token.
    static func forgetToken(environment: (String) -> String?) throws(CommandFailure) {
        let path = try knownTokenPath(environment)
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw CommandFailure(.ioError, "\(path): cannot be deleted: \(systemText(errno))")
        }
    }

    private static func knownTokenPath(_ environment: (String) -> String?) throws(CommandFailure) -> String {
        guard let path = tokenPath(environment: environment) else {
            throw CommandFailure(
                .usage, "the variable XDG_CONFIG_HOME or HOME must be set, with a path that begins with /: the token is kept there")
        }
        return path
    }

    /// The key of a file with its name and its secret.
    ///
    /// - Throws: where others may read it, or it has no key.
    static func signingKey(in path: String) throws(CommandFailure) -> SigningKey {
        guard let words = try words(in: path, "a key") else {
            throw CommandFailure(.ioError, "\(path): cannot be read: \(systemText(ENOENT)); `lbaasctl key new` makes a key")
        }
        guard words.count == 2, let key = SigningKey(name: words[0], secret: words[1]) else {
            throw CommandFailure(
                .usage, "\(path): must have the name and the secret of a key in one line, as `lbaasctl key new` prints them")
        }
        return key
    }

    /// The words of a file, which are of printable ASCII; none where one is not, and nil where there is no file.
    private static func words(in path: String, _ secret: String) throws(CommandFailure) -> [String]? {
        var status = stat()
        if unsafe stat(path, &status) == 0 {
            if status.st_uid != geteuid() {
                throw CommandFailure(.usage, "\(path): belongs to another user: \(secret) of your own is needed there")
            }
            if status.st_mode & 0o077 != 0 {
                throw CommandFailure(
                    .usage,
                    "\(path): others may use it: run chmod 600 \(path), and take \(secret) that is new where somebody may have read it")
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
        return words.joined().allSatisfy { $0 > 0x20 && $0 < 0x7F } ? words.map { String(decoding: $0, as: UTF8.self) } : []
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
