/// What of haproxy's configuration no load balancer decides: where its files are, and what the operator adds.
struct BaseConfiguration: Hashable, Sendable {
    /// The folder of the sockets and of what the worker notes about a haproxy that runs. It may go when the host starts anew.
    var runFolder: String
    /// haproxy's configuration file.
    var configurationFile: String
    /// The socket of haproxy's master process.
    var masterSocket: String
    /// The operator's own lines for `global`.
    var globalLines: [String] = []
    /// The operator's own lines for `defaults`.
    var defaultsLines: [String] = []
    /// The name servers that haproxy asks for the addresses of nodes, `HOST:PORT`; none to look names up once, when it loads its file.
    var nameServers: [String] = []
    /// Whether haproxy has the pipe for its log lines: the worker starts it.
    var logsByPipe = true
    /// Whether haproxy runs with the rights and limits of the worker: the worker starts it.
    var hasRightsOfWorker: Bool { logsByPipe }
    /// Whether the operator has haproxy bind its ports for itself alone.
    var sharesNoPorts: Bool { globalLines.contains { $0.prefix { !$0.isWhitespace } == "noreuseport" } }
    /// Whether this host has IPv6.
    var hasIPv6 = true

    /// Where the worker process takes commands.
    var commandSocket: String { runFolder + "/haproxy.sock" }
    /// Where log lines of a haproxy go that the worker starts: a pipe that it has as its standard input.
    var logPipe: String { runFolder + "/log.pipe" }
    /// Where log lines of another haproxy go: a datagram socket, on which nobody need listen.
    var logSocket: String { runFolder + "/log.sock" }
    /// Where log lines go, as haproxy calls it.
    var logTarget: String { logsByPipe ? "fd@0" : word(logSocket) }
    /// Where a process that ends hands the clients' stickiness on to the next.
    var peersSocket: String { runFolder + "/peers.sock" }
    /// From where a new process takes how the servers are.
    var stateFile: String { runFolder + "/servers.state" }
    /// What processes had counted when they ended.
    var countersFile: String { runFolder + "/counters" }
    /// What haproxy writes to standard error.
    var messagesFile: String { runFolder + "/haproxy.log" }
    /// Where haproxy is started on trial.
    var trialFolder: String { runFolder + "/t" }
    /// The process id of the master.
    var pidFile: String { configurationFile + ".pid" }
}
