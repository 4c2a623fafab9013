import Authorization
import DaemonSupport
import Glibc
import HTTPServer
import HostSystem
import JobQueue
import KeepalivedAPI
import LBaaS
import ServiceSettings
import WorkerAPI

/// The section `[api]`.
struct APISettings: Sendable, Equatable {
    /// Where the Unix socket is by default.
    static let defaultSocket = "/run/lbaas/api.sock"

    /// Its Unix socket; nil for none.
    var socket: String? = defaultSocket
    /// The address and port to listen on.
    var listen: JobServer?
    /// PEM files: the certificate, its key, the authorities of clients.
    var certificate: String?
    var key: String?
    var clientAuthorities: String?
    /// The file of the tokens.
    var tokens: String?
    /// The file of the keys of those who sign their requests.
    var keys: String?
    /// Groups of the host whose members may change things over the socket.
    var operators: [String] = []
    /// Groups whose members may look.
    var viewers: [String] = []
    /// Where go_keepalived's API listens; nil for nowhere.
    var keepalivedListen: JobServer?
    /// What the digest of its requests is made with; nil for requests without one.
    var keepalivedPassword: String?

    /// The settings of the section.
    static let table: [Setting<Settings>] = [
        Setting("api", "socket", "PATH", "the Unix socket of the API; 'none' turns it off", \.api.socket, .pathOrNone),
        Setting(
            "api", "listen", "ADDRESS:PORT", "where the API listens by TCP; needs TLS where it is not loopback",
            optional: \.api.listen, .address()),
        Setting("api", "tls_cert", "FILE", "the certificate of the API", optional: \.api.certificate, .path),
        Setting("api", "tls_key", "FILE", "the key of the certificate", optional: \.api.key, .path),
        Setting(
            "api", "tls_client_ca", "FILE", "the authorities of which clients must have a certificate",
            optional: \.api.clientAuthorities, .path),
        Setting("api", "tokens", "FILE", "who may use the API over TCP: NAME ROLE SHA256 in each line", optional: \.api.tokens, .path),
        Setting(
            "api", "keys", "FILE", "who may use the API over TCP by signed requests: NAME ROLE SECRET in each line", optional: \.api.keys,
            .path),
        Setting(
            "api", "operators", "GROUP", "groups of this host whose members may change things over the socket",
            list: \.api.operators, .text),
        Setting("api", "viewers", "GROUP", "groups of this host whose members may look", list: \.api.viewers, .text),
        Setting(
            "api", "keepalived_listen", "ADDRESS:PORT", "where the API of go_keepalived listens; without it, nowhere",
            optional: \.api.keepalivedListen, .address(defaultPort: KeepalivedConfiguration.defaultPort)),
        Setting(
            "api", "keepalived_password", "TEXT", "the password that the digest of each request to it is made with",
            optional: \.api.keepalivedPassword, .text),
    ]
}

extension ValueForm where Value == String? {
    /// A path from the root, where the word `none` stands for no value.
    static var pathOrNone: Self {
        Self { text throws(BadValue) in
            text == "none" ? nil : try ValueForm<String>.path.read(text)
        } write: {
            $0 ?? "none"
        }
    }
}

// MARK: - What is made of them

extension APISettings {
    /// Where it listens by TCP.
    private var listener: ListenerSettings {
        ListenerSettings(listen: listen, certificate: certificate, key: key, clientAuthorities: clientAuthorities)
    }

    /// Reads the files and looks the groups up.
    ///
    /// - Parameter place: where a key stands, for the sentences: `FILE:LINE: KEY`.
    /// - Throws: all mistakes.
    func configuration(place: (String) -> String) throws(StartupFailure) -> APIConfiguration {
        var mistakes = Mistakes()
        func refuse(_ key: String, _ sentence: String) { mistakes.add(StartupFailure(.config, "\(place(key)): \(sentence)")) }

        let operators = groups(operators, "operators", place, &mistakes)
        let viewers = groups(viewers, "viewers", place, &mistakes)
        let tokenTable = tokens.flatMap { path in
            readTable(path, "tokens", place, &mistakes) { (text) throws(PrincipalFile.Failure) in try TokenTable(text) }
        }
        let signatures = keys.flatMap { path in
            checkSecrecy(path, place, &mistakes)
            return readTable(path, "keys", place, &mistakes) { (text) throws(PrincipalFile.Failure) in
                try SignatureTable(text, start: Clock.unixTime())
            }
        }
        var configuration = APIConfiguration(
            access: Access(
                local: LocalAccess(serviceUser: geteuid(), operators: operators, viewers: viewers), tokens: tokenTable ?? TokenTable(),
                signatures: signatures))
        if let socket { configureSocket(socket, isForGroups: !operators.isEmpty || !viewers.isEmpty, place, &configuration, &mistakes) }

        let tls = listener.tls(refuse)
        if let listen {
            listener.checkAddress(refuse)
            if tokens == nil, keys == nil {
                refuse(
                    "listen",
                    """
                    there is neither `tokens` nor `keys` beside it, so nobody could use it; write NAME ROLE SHA256 for each client into the \
                    file `tokens`
                    """)
            }
            var tcp = TCPListener(address: listen.host, port: listen.port)
            tcp.tls = tls
            configuration.tcp = tcp
        } else {
            let others = [("tls_cert", certificate), ("tls_client_ca", clientAuthorities), ("tokens", tokens), ("keys", keys)]
            for (name, value) in others where value != nil { refuse(name, "is for `listen`, which is not set") }
        }
        try mistakes.check()
        return configuration
    }

    private func configureSocket(
        _ path: String, isForGroups: Bool, _ place: (String) -> String, _ configuration: inout APIConfiguration, _ mistakes: inout Mistakes
    ) {
        var socket = UnixListener(path: path)
        // Who connects is known from the kernel, and groups may be several: what a file has is one.
        socket.mode = isForGroups ? 0o666 : 0o600
        configuration.isSocketOptional = path == Self.defaultSocket
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        guard unsafe access(folder.isEmpty ? "/" : folder, W_OK | X_OK) == 0 else {
            let reason = errorText(errno)
            if configuration.isSocketOptional { return }
            return mistakes.add(StartupFailure(.config, "\(place("socket")): the folder \(folder) cannot be written to: \(reason)"))
        }
        if path.utf8.count > 107 {
            mistakes.add(
                StartupFailure(.config, "\(place("socket")): the path has \(path.utf8.count) bytes; that of a socket may have 107"))
        }
        configuration.socket = socket
    }

    private func groups(_ names: [String], _ key: String, _ place: (String) -> String, _ mistakes: inout Mistakes) -> Set<UInt32> {
        Set(
            names.compactMap { name in
                mistakes.collect { () throws(StartupFailure) in try AccountDatabase.group(name, of: place(key)) }
            })
    }

    private func read(_ path: String, _ key: String, _ place: (String) -> String, _ mistakes: inout Mistakes) -> String? {
        ListenerSettings.read(path, key) { mistakes.add(StartupFailure(.config, "\(place($0)): \($1)")) }
    }

    /// Refuses a file with secrets that everybody can read.
    private func checkSecrecy(_ path: String, _ place: (String) -> String, _ mistakes: inout Mistakes) {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & 0o007 != 0 else { return }
        mistakes.add(
            StartupFailure(
                .config, "\(place("keys")): everybody may use \(path), which has secrets; run chmod o= \(path), and take new keys"))
    }

    private func readTable<Table>(
        _ path: String, _ key: String, _ place: (String) -> String, _ mistakes: inout Mistakes,
        _ table: (String) throws(PrincipalFile.Failure) -> Table
    ) -> Table? {
        guard let text = read(path, key, place, &mistakes) else { return nil }
        do throws(PrincipalFile.Failure) {
            return try table(text)
        } catch {
            for mistake in error.mistakes { mistakes.add(StartupFailure(.config, "\(path):\(mistake.line): \(mistake.message)")) }
            return nil
        }
    }
}

// MARK: - The API of go_keepalived

extension APISettings {
    /// The API of go_keepalived; nil where it is not wanted.
    ///
    /// - Parameter place: where a key stands, for the sentences.
    /// - Throws: all mistakes.
    fileprivate func keepalived(place: (String) -> String) throws(StartupFailure) -> KeepalivedConfiguration? {
        func refuse(_ key: String, _ sentence: String) -> StartupFailure { StartupFailure(.config, "\(place(key)): \(sentence)") }
        guard let listen = keepalivedListen else {
            if keepalivedPassword != nil { throw refuse("keepalived_password", "is for `keepalived_listen`, which is not set") }
            return nil
        }
        // go_keepalived itself listens on this name.
        guard let address = listen.host == "localhost" ? IPAddress("127.0.0.1") : IPAddress(listen.host) else {
            throw refuse(
                "keepalived_listen",
                "'\(listen.host)' is not an IPv4 or IPv6 address; write ADDRESS:PORT, or [ADDRESS]:PORT for IPv6")
        }
        if !address.isLoopback, keepalivedPassword == nil {
            throw refuse(
                "keepalived_listen",
                "\(listen.host) is not a loopback address, so keepalived_password is needed: anybody could change the load balancers")
        }
        var listener = TCPListener(address: address.description, port: listen.port)
        // No page that a browser on this host shows may send requests under a name of its own.
        if address.isLoopback { listener.hosts = ["localhost", "127.0.0.1", "[::1]", HostAddress.address(address).inURL] }
        return KeepalivedConfiguration(listener: listener, password: keepalivedPassword)
    }
}

extension Settings {
    /// The API as it is configured.
    ///
    /// - Parameter file: the configuration file, for the lines of mistakes.
    func apiConfiguration(in file: ConfigurationFile? = nil) throws(StartupFailure) -> APIConfiguration {
        try api.configuration { place(of: $0, in: file) }
    }

    /// The API of go_keepalived as it is configured; nil where it is not wanted.
    ///
    /// - Parameter file: the configuration file, for the lines of mistakes.
    func keepalivedConfiguration(in file: ConfigurationFile? = nil) throws(StartupFailure) -> KeepalivedConfiguration? {
        try api.keepalived { place(of: $0, in: file) }
    }

    /// Where a key of [api] stands, for a sentence.
    private func place(of key: String, in file: ConfigurationFile?) -> String {
        guard let file, let line = file.line(section: "api", key: key) else {
            return "\(configurationFile.map { "\($0): " } ?? "")[api] \(key)"
        }
        return "\(file.path):\(line): \(key)"
    }
}
