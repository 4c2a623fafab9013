import JSON
public import LBaaS

/// The text in which a load balancer is kept: what a job would say to create it, without what is the default anyway.
///
/// Whether it is suspended is no part of the text, as it is none of a job.
public enum StoredLoadBalancer {
    /// The text of a load balancer.
    public static func text(of loadBalancer: LoadBalancer) -> [UInt8] {
        var writer = FieldWriter(capacity: 256 + loadBalancer.nodes.count * 96)
        writer.raw("[{\"id\":")
        writer.loadBalancer(loadBalancer)
        writer.raw("}]")
        return writer.output.bytes
    }

    /// What keeps a load balancer from being one that a job could ask for, in the words that a job gets; nil for nothing.
    package static func complaint(about loadBalancer: LoadBalancer) -> String? {
        guard let reader = StoredLoadBalancerReader(limits: .standard) else { return "the worker is out of memory" }
        do throws(StoredLoadBalancerReader.Damage) {
            _ = try reader.loadBalancer(from: text(of: loadBalancer))
            return nil
        } catch {
            return error.reason
        }
    }

    /// A load balancer as a job has it, with more members for it and for its nodes.
    ///
    /// - Parameters:
    ///   - members: appends members of the load balancer, each behind a comma.
    ///   - nodeMembers: appends members of the node at a place, each behind a comma.
    package static func object(
        of loadBalancer: LoadBalancer, members: (inout ByteWriter) -> Void, nodeMembers: (Int, inout ByteWriter) -> Void
    ) -> [UInt8] {
        var writer = FieldWriter(capacity: 256 + loadBalancer.nodes.count * 160)
        writer.raw("{\"id\":")
        writer.loadBalancer(loadBalancer, nodeMembers)
        members(&writer.output)
        writer.raw("}")
        return writer.output.bytes
    }
}

/// Reads the texts of load balancers back, one after the other.
public struct StoredLoadBalancerReader {
    /// A text that is not, or no longer, a load balancer.
    public struct Damage: Error, Sendable {
        /// What is wrong with it.
        public let reason: String

        /// A text with this wrong.
        public init(reason: String) { self.reason = reason }
    }

    private let tokenizer: JSONTokenizer
    private let limits: LengthLimits

    /// A reader; nil where there is no memory for one.
    public init?() { self.init(limits: .none) }

    /// A reader of texts that are held to limits; nil where there is no memory for one.
    init?(limits: LengthLimits) {
        guard let tokenizer = JSONTokenizer() else { return nil }
        self.tokenizer = tokenizer
        self.limits = limits
    }

    /// The load balancer of a text.
    ///
    /// - Throws: what is wrong with the text.
    public func loadBalancer(from text: [UInt8]) throws(Damage) -> LoadBalancer {
        let result: Result<LoadBalancer, Damage>
        do {
            result = try tokenizer.withDocument(unsafe text.span.bytes) { Self.decode($0, limits) }
        } catch {
            throw Damage(reason: error.reason)
        }
        return try result.get()
    }

    private static func decode(_ document: JSONDocument, _ limits: LengthLimits) -> Result<LoadBalancer, Damage> {
        var decoder = LoadBalancerDecoder(reply: ReplyEdits(), limits: limits)
        do throws(FieldError) {
            let loadBalancers = try decoder.decode(document.root)
            guard let loadBalancer = loadBalancers.first, loadBalancers.count == 1 else {
                return .failure(Damage(reason: "it has \(loadBalancers.count) load balancers, not one"))
            }
            return .success(loadBalancer)
        } catch {
            return .failure(Damage(reason: error.sentence))
        }
    }
}

/// Writes the members of an object.
private struct FieldWriter: ~Copyable {
    fileprivate(set) var output: ByteWriter

    init(capacity: Int) { output = ByteWriter(capacity: capacity) }

    @inline(__always) mutating func raw(_ text: StaticString) { output.append(text) }

    mutating func number(_ number: UInt16) { output.append(decimal: UInt64(number)) }

    mutating func string(_ text: String) { output.append(json: text) }

    /// The identity of a load balancer, and its members.
    ///
    /// - Parameter more: appends further members of the node at a place.
    mutating func loadBalancer(_ loadBalancer: LoadBalancer, _ more: (Int, inout ByteWriter) -> Void = { _, _ in }) {
        string(loadBalancer.id.text)
        field("protocol", loadBalancer.serviceProtocol.rawValue)
        field("port", loadBalancer.port)
        if let address = loadBalancer.address { self.address(.address(address)) }
        if loadBalancer.algorithm != .roundRobin { field("algorithm", loadBalancer.algorithm.rawValue) }
        if let monitor = loadBalancer.monitor { self.monitor(monitor) }
        if loadBalancer.timeouts != Timeouts() { timeouts(loadBalancer.timeouts) }
        if let persistence = loadBalancer.sessionPersistence { self.persistence(persistence) }
        if let forwarding = loadBalancer.forwarding { self.forwarding(forwarding) }
        if let quorum = loadBalancer.quorum { field("quorum", quorum) }
        if loadBalancer.hysteresis != 0 { field("hysteresis", loadBalancer.hysteresis) }
        if let percent = loadBalancer.panicPercent { field("panic_percent", percent) }
        if let sorryServer = loadBalancer.sorryServer {
            raw(",\"sorry_server\":{\"port\":")
            number(sorryServer.port)
            address(sorryServer.host)
            raw("}")
        }
        nodes(loadBalancer.nodes, more)
    }

    private mutating func name(_ name: StaticString) {
        raw(",\"")
        raw(name)
        raw("\":")
    }

    mutating func field(_ name: StaticString, _ value: String) {
        self.name(name)
        string(value)
    }

    mutating func field(_ name: StaticString, _ value: some UnsignedInteger & FixedWidthInteger) {
        self.name(name)
        output.append(decimal: UInt64(value))
    }

    mutating func address(_ value: HostAddress) {
        switch value {
        case .name(let name):
            raw(",\"address\":")
            string(name)
        case .address(let address):
            raw(",\"address\":\"")
            address.append(to: &output)
            raw("\"")
        }
    }

    /// Written in as few pieces as can be: this is most of what a commit writes.
    mutating func nodes(_ nodes: [Node], _ more: (Int, inout ByteWriter) -> Void) {
        raw(",\"nodes\":[")
        for index in nodes.indices {
            raw(index > 0 ? "},{\"id\":" : "{\"id\":")
            string(nodes[index].id.text)
            address(nodes[index].address)
            raw(",\"port\":")
            number(nodes[index].port)
            if nodes[index].weight != 1 {
                raw(",\"weight\":")
                number(nodes[index].weight)
            }
            if nodes[index].isBackup { raw(",\"backup\":true") }
            if nodes[index].condition != .enabled { field("condition", nodes[index].condition.rawValue) }
            more(index, &output)
        }
        raw(nodes.isEmpty ? "]" : "}]")
    }

    mutating func monitor(_ monitor: Monitor) {
        raw(",\"monitor\":{\"type\":")
        string(monitor.kind.rawValue)
        field("delay", monitor.delay)
        field("timeout", monitor.timeout)
        field("attempts", monitor.attempts)
        field("path", monitor.path)
        if let rise = monitor.rise { field("rise", rise) }
        if let method = monitor.method { field("method", method) }
        if let host = monitor.host { field("host", host) }
        if let address = monitor.address { field("address", address.description) }
        if let port = monitor.port { field("port", port) }
        if let source = monitor.source { field("source", source.description) }
        if !monitor.expectedCodes.isEmpty {
            field("expected_codes", monitor.expectedCodes.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ","))
        }
        tls(monitor.tls)
        if !monitor.payload.isEmpty { field("send", "0x" + monitor.payload.hexadecimal) }
        if let expected = monitor.expectedAnswer { field("expect", "0x" + expected.hexadecimal) }
        if !monitor.command.isEmpty {
            raw(",\"command\":[")
            for (index, word) in monitor.command.enumerated() {
                if index > 0 { raw(",") }
                string(word)
            }
            raw("]")
        }
        if let initiallyUp = monitor.initiallyUp { field("initial", initiallyUp ? "UP" : "DOWN") }
        if monitor.quiesces { raw(",\"quiesce\":true") }
        if monitor.slowStart > 0 { field("slow_start", monitor.slowStart) }
        raw("}")
    }

    private mutating func tls(_ tls: TLS) {
        if !tls.isVerified { raw(",\"verify\":false") }
        if let serverName = tls.serverName { field("server_name", serverName) }
        if let authorities = tls.authorities { field("ca_file", authorities) }
    }

    mutating func timeouts(_ timeouts: Timeouts) {
        raw(",\"options\":{\"client_timeout\":")
        output.append(decimal: UInt64(timeouts.client))
        field("server_timeout", timeouts.server)
        field("connect_timeout", timeouts.connect)
        field("connect_retries", timeouts.connectRetries)
        raw("}")
    }

    mutating func persistence(_ persistence: SessionPersistence) {
        switch persistence {
        case .none: raw(",\"sessionPersistence\":null")
        case .httpCookie: raw(",\"sessionPersistence\":{\"type\":\"HTTP_COOKIE\"}")
        case .sourceIP(let timeout):
            raw(",\"sessionPersistence\":{\"type\":\"SOURCE_IP\"")
            field("timeout", timeout)
            raw("}")
        }
    }

    mutating func forwarding(_ forwarding: Forwarding) {
        switch forwarding {
        case .nat: raw(",\"forwarding\":\"NAT\"")
        case .direct: raw(",\"forwarding\":\"DIRECT\"")
        case .tunnel(let tunnel):
            raw(",\"forwarding\":\"TUNNEL\",\"tunnel\":{\"type\":")
            string(tunnel.kind.rawValue)
            if let port = tunnel.port { field("port", port) }
            if tunnel.checksum { raw(",\"checksum\":true") }
            raw("}")
        }
    }
}

extension ByteWriter {
    /// Appends a string of JSON, with what must be escaped escaped.
    package mutating func append(json text: String) {
        if !append(quoted: text) { append(JSONWriting.string(text)) }
    }
}
