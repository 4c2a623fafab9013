import LBaaS
import TestSupport

/// A line of `ipvsadm --save`, whatever the order of its options.
struct Rule: Hashable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation, CustomStringConvertible {
    /// The line as it was.
    let line: String
    /// The options with their values.
    private let options: Set<String>

    init(_ line: String) {
        self.line = line
        var options: [String] = []
        for word in line.split(separator: " ") {
            if word.hasPrefix("-") || options.isEmpty { options.append(String(word)) } else { options[options.count - 1] += " " + word }
        }
        self.options = Set(options)
    }

    init(stringLiteral line: String) { self.init(line) }

    static func == (left: Rule, right: Rule) -> Bool { left.options == right.options }
    func hash(into hasher: inout Hasher) { hasher.combine(options) }

    var description: String { options.sorted().joined(separator: " ") }
}

extension Namespace {
    /// Changes the IPVS table by commands of `ipvsadm`, one a line.
    func ipvsadm(_ commands: String) throws {
        _ = try run { try runProgram("/sbin/ipvsadm", ["--restore"], input: commands + "\n") }
    }

    /// The IPVS table as `ipvsadm` reads it.
    func savedTable() throws -> Set<Rule> {
        Set(try run { try runProgram("/sbin/ipvsadm", ["--save", "--numeric"]) }.split(separator: "\n").map { Rule(String($0)) })
    }

    /// The words of each line that `ipvsadm` lists with this option.
    func listed(_ option: String) throws -> [[String]] {
        try run { try runProgram("/sbin/ipvsadm", ["--list", "--numeric", "--exact", option]) }
            .split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    }
}

/// A service of the virtual address, as `ipvsadm` makes it.
struct Service {
    let transport: Transport
    let family: Family
    var port: UInt16 = 80
    /// Scheduler and further options.
    var options = "-s rr"

    /// Its name in commands.
    var name: String {
        get throws {
            let option =
                switch transport {
                case .tcp: "-t"
                case .udp: "-u"
                case .sctp: "--sctp-service"
                }
            return "\(option) \(Endpoint(host: .address(try Lab.virtualAddress(family)), port: port))"
        }
    }
}

extension Lab {
    /// Adds a service with all real servers.
    ///
    /// - Parameters:
    ///   - options: those of each real server.
    ///   - outer: the family of the real servers' addresses; that of the service if none is given.
    ///   - realPort: the port of the real servers; that of the service if none is given.
    func add(_ service: Service, _ options: String, through outer: Family? = nil, realPort: UInt16? = nil) throws {
        let servers = try realServers.map { server in
            let endpoint = try server.endpoint(outer ?? service.family, port: realPort ?? service.port)
            return "-a \(try service.name) -r \(endpoint) \(options)"
        }
        try director.ipvsadm((["-A \(try service.name) \(service.options)"] + servers).joined(separator: "\n"))
    }

    /// Sets the weight of one real server of a service with NAT.
    func setWeight(_ weight: Int, of server: RealServer, in service: Service) throws {
        try director.ipvsadm("-e \(try service.name) -r \(try server.endpoint(service.family, port: service.port)) -m -w \(weight)")
    }

    /// Removes one real server from a service.
    func remove(_ server: RealServer, from service: Service) throws {
        try director.ipvsadm("-d \(try service.name) -r \(try server.endpoint(service.family, port: service.port))")
    }
}

/// Runs a test with a lab and a service with NAT to all of its real servers.
func withService(_ service: Service, _ body: (Lab, Service) throws -> Void) throws {
    try withLab { lab in
        try lab.serve(service.transport, port: service.port)
        try lab.add(service, "-m")
        try body(lab, service)
    }
}
