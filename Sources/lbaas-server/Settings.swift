import DaemonSupport
import JobQueue
import LBaaS
import ServiceSettings

/// Everything that an operator can set, with the values that hold where nothing is set.
struct Settings: ClusteredSettings, DaemonSettings, Equatable {
    /// Where the server listens, and its TLS.
    var listener = ListenerSettings(listen: JobServer(host: "127.0.0.1", port: 8790))
    /// Where clients reach it; nil for what they name in their requests.
    var publicURL: String?
    /// The proxies before the server, which name the client of a request in `X-Forwarded-For`.
    var trustedProxies: [LBaaS.AddressRange] = []
    /// What the fleet is kept in.
    var store = StoreChoice.sqlite("/var/lib/lbaas-server")
    /// How many requests wait for the store at a time.
    var threads = 32
    /// How long requests in hand may take after SIGTERM, in seconds.
    var shutdownTimeout = 10.0
    /// How long a token is valid, in seconds.
    var tokenValidity = 3600
    /// How long a session of a browser lasts at most, in seconds.
    var sessionLimit = 12 * 3600
    /// How often the memory of a password's hash is gone through.
    var hashOperations = 2
    /// The memory of a password's hash, in MiB.
    var hashMemory = 19
    /// The job servers.
    var jobServers = [JobServer(host: "localhost", port: JobServer.defaultPort)]
    /// The etcd of a store in etcd.
    var cluster = ClusterSettings()
    /// The least level that is logged.
    var logLevel = LogLevel.info
    /// How a log line is written.
    var logFormat = LogFormat.text
    /// The file that holds the process id.
    var pidFile: String?
    /// The user to become, a name or a number.
    var user: String?
    /// The group to become, a name or a number.
    var group: String?
    /// The configuration file that was read, if any.
    var configurationFile: String?
    /// The sections of that file that groups of workers have, by their names.
    var sections: [String: Section] = [:]
}

/// What the fleet is kept in.
enum StoreChoice: Hashable, Sendable {
    /// The memory of this process.
    case memory
    /// An SQLite file in this folder.
    case sqlite(String)
    /// The etcd of `[cluster]`.
    case etcd
}

extension ValueForm where Value == StoreChoice {
    /// `memory`, `sqlite:FOLDER` or `etcd`.
    static var store: Self {
        Self { text throws(BadValue) in
            switch text {
            case "memory": return .memory
            case "etcd": return .etcd
            default: break
            }
            let folder = text.dropFirst("sqlite:".count)
            guard text.hasPrefix("sqlite:"), folder.hasPrefix("/") else {
                throw BadValue("'\(text)' is not memory, sqlite:FOLDER with the whole path of a folder, or etcd")
            }
            return .sqlite(String(folder))
        } write: {
            switch $0 {
            case .memory: "memory"
            case .sqlite(let folder): "sqlite:\(folder)"
            case .etcd: "etcd"
            }
        }
    }
}

extension ValueForm where Value == LBaaS.AddressRange {
    /// `10.0.0.5` or `10.0.0.0/24`.
    static var addresses: Self {
        Self { text throws(BadValue) in
            if let address = IPAddress(text) { return LBaaS.AddressRange(address) }
            guard let range = LBaaS.AddressRange(text) else { throw BadValue("'\(text)' is not ADDRESS or ADDRESS/LENGTH") }
            return range
        } write: {
            $0.length == $0.first.bitCount ? $0.first.description : $0.description
        }
    }
}

extension ValueForm where Value == String {
    /// The URL of this server, as clients see it.
    static var publicURL: Self {
        Self { text throws(BadValue) in
            let isURL = text.wholeMatch(of: #/https?://[^\s/?#@]+/#) != nil
            guard isURL else { throw BadValue("'\(text)' is not the URL of a server: write https://HOST:PORT, and nothing behind it") }
            return text
        } write: {
            $0
        }
    }
}
