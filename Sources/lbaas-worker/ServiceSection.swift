import JobMessages
import LBaaS

/// A section `[service:NAME]`: a load balancer that exists without a job. Its keys are the fields of a job, those of an object with a dot:
/// `monitor.type = HTTP`. A value that is JSON is taken as it is, such as the list of nodes; any other is text.
struct ServiceSection {
    private let name: String
    private let section: Section

    /// What the name of such a section begins with.
    static let prefix = "service:"

    /// The keys that it may have, in the order in which they are listed.
    static let keys = [
        "protocol", "address", "port", "algorithm", "forwarding", "quorum", "hysteresis", "panic_percent", "nodes", "monitor.type",
        "monitor.delay", "monitor.timeout", "monitor.attempts", "monitor.rise", "monitor.path", "monitor.method", "monitor.host",
        "monitor.port", "monitor.expected_codes", "monitor.initial", "monitor.quiesce", "monitor.slow_start", "options.client_timeout",
        "options.server_timeout", "options.connect_timeout", "options.connect_retries", "sessionPersistence", "sessionPersistence.type",
        "sessionPersistence.timeout", "tunnel.type", "tunnel.port", "tunnel.checksum", "sorry_server.address", "sorry_server.port",
    ]

    /// A section of the configuration file.
    init(name: String, _ section: Section) {
        self.name = name
        self.section = section
    }

    /// The load balancer.
    ///
    /// - Throws: why it is none, with the place in the file.
    func loadBalancer(path: String, _ reader: StoredLoadBalancerReader) throws(StartupFailure) -> LoadBalancer {
        do throws(StoredLoadBalancerReader.Damage) {
            return try reader.loadBalancer(from: Array("[\(json)]".utf8))
        } catch {
            let (line, sentence) = place(of: error.reason)
            throw StartupFailure(.config, "\(path):\(line): [\(Self.prefix)\(name)] \(sentence)")
        }
    }

    /// The section as a job has it.
    private var json: String {
        var members = ["\"id\": \(JSONWriting.string(name))"]
        var objects: [String: [String]] = [:]
        for (key, value) in section.values.sorted(by: { $0.value.line < $1.value.line }) {
            guard let dot = key.firstIndex(of: ".") else {
                members.append("\(JSONWriting.string(key)): \(Self.json(value.text))")
                continue
            }
            let member = "\(JSONWriting.string(String(key[key.index(after: dot)...]))): \(Self.json(value.text))"
            objects[String(key[..<dot]), default: []].append(member)
        }
        for (name, fields) in objects { members.append("\(JSONWriting.string(name)): {\(fields.joined(separator: ", "))}") }
        return "{\(members.joined(separator: ", "))}"
    }

    private static func json(_ text: String) -> String {
        switch text {
        case "true", "false", "null": text
        case _ where text.hasPrefix("[") || text.hasPrefix("{"): text
        default: JSONWriting.string(text)
        }
    }

    /// The line that a sentence of the reader is about, and the sentence without the place that only it knows.
    private func place(of reason: String) -> (line: Int, sentence: String) {
        let sentence = reason.replacing(#/^loadBalancers\[0\]\.?/#, with: "")
        let key = sentence.prefix { $0 != ":" && $0 != "[" }
        let line = section.values[String(key)]?.line ?? section.line
        return (line, sentence)
    }
}
