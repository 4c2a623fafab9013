import JSON
import Terminal

// Load balancers and nodes as people read them.

extension TextStyle {
    /// How a state stands out, beside its word.
    init(state: String?) {
        switch state {
        case "UP", "ACTIVATED", "OWNED", "ONLINE", "ACTIVE": self = .good
        case "DOWN", "FAILING", "FAULT", "ERROR", "AWAY": self = .bad
        case "SUSPENDED", "OUT_OF_SERVICE", "DRAINING", "DISABLED", "OFFLINE", "DEGRADED": self = .warning
        default: self = .plain
        }
    }
}

extension JSONValue {
    /// A member as it is shown: text as it is, anything else as it is spelled; nil where it is absent or null.
    func shown(_ name: StaticString) -> String? {
        guard let value = self[name], !value.isNull else { return nil }
        return value.string ?? value.spelling
    }

    /// The id of an object.
    var id: String { shown("id") ?? shown("name") ?? shown("protocol") ?? "" }
}

/// A load balancer, of an answer of the worker.
struct LoadBalancerView {
    let value: JSONValue

    /// The listeners of all addresses have a star.
    private var listener: String {
        let address = value.text("address") ?? "*"
        // What a job leaves out for HTTP.
        return endpoint(address, value.shown("port") ?? (value.text("protocol") == "HTTP" ? "80" : nil))
    }

    private var nodes: [JSONValue] { value.elements(of: "nodes") }

    private var nodeCount: String { "\(nodes.filter { $0.text("status") == "UP" }.count)/\(nodes.count)" }

    static func columns(isWide: Bool) -> [TextTable.Column] {
        let columns: [TextTable.Column] = [
            .init("ID", mayShrink: true), .init("STATUS"), .init("PROTOCOL"), .init("LISTEN"), .init("ALGORITHM"),
            .init("UP", isNumber: true),
        ]
        return isWide ? columns + [.init("FORWARDING"), .init("MONITOR"), .init("SOURCE"), .init("CREATED")] : columns
    }

    func row(isWide: Bool) -> [TextTable.Cell] {
        let status = value.text("status")
        let isPartly = status == "UP" && nodes.contains { $0.text("state") == "DOWN" }
        let row: [TextTable.Cell] = [
            .init(Reference.word(for: value.id)), .init(status, .init(state: status)), .init(value.text("protocol")), .init(listener),
            .init(value.text("algorithm") ?? "ROUND_ROBIN"), .init(nodeCount, isPartly ? .warning : .plain),
        ]
        if !isWide { return row }
        return row + [
            .init(value.text("forwarding")), .init(value["monitor"].flatMap { $0.text("type") }), .init(value.text("source")),
            .init(TimeText.short(value.text("created"))),
        ]
    }

    /// It and its nodes.
    func parts(isWide: Bool) -> [Presentation.Part] {
        var facts: [(String, String)] = [
            ("id", value.id), ("status", value.text("status") ?? "-"), ("listen", "\(value.text("protocol") ?? "-") \(listener)"),
            ("algorithm", value.text("algorithm") ?? "ROUND_ROBIN"), ("source", value.text("source") ?? "-"),
            ("created", TimeText.short(value.text("created"))), ("nodes up", nodeCount),
        ]
        for (title, name) in [("monitor", "monitor"), ("persistence", "sessionPersistence"), ("sorry server", "sorry_server")]
            as [(String, StaticString)]
        {
            if let object = value[name], object.isObject { facts.append((title, Self.text(of: object))) }
        }
        for name in ["forwarding", "quorum", "hysteresis", "panic_percent"] as [StaticString] {
            if let shown = value.shown(name) { facts.append(("\(name)", shown)) }
        }
        let table = TextTable(NodeView.columns(isWide: isWide, isNamed: false), nodes.map { NodeView(value: $0).row(isWide: isWide) })
        return [.facts(facts), .table(table)]
    }

    private static func text(of object: JSONValue) -> String {
        object.members.map { name, value in "\(name.string ?? "") \(value.string ?? value.spelling)" }.joined(separator: ", ")
    }
}

/// A node, of an answer of the worker.
struct NodeView {
    let value: JSONValue

    static func columns(isWide: Bool, isNamed: Bool) -> [TextTable.Column] {
        var columns: [TextTable.Column] = [
            .init("NODE", mayShrink: true), .init("ADDRESS", mayShrink: true), .init("WEIGHT", isNumber: true), .init("STATE"),
            .init("SINCE", isNumber: true), .init("CONNS", isNumber: true),
        ]
        if isWide { columns += [.init("STATUS"), .init("CONDITION"), .init("BACKUP"), .init("CHANGED")] }
        return columns + [.init("REASON", mayShrink: true)]
    }

    /// - Parameter name: what it is called; nil for its id.
    func row(named name: String? = nil, isWide: Bool) -> [TextTable.Cell] {
        let state = value.text("state") ?? value.text("status")
        var row: [TextTable.Cell] = [
            .init(name ?? value.id), .init(endpoint(value.text("address") ?? "-", value.shown("port"))),
            .init(value.shown("weight") ?? "1"),
            .init(state, .init(state: state)), .init(TimeText.age(value.text("since"))), .init(value.shown("connections")),
        ]
        if isWide {
            row += [
                .init(value.text("status")), .init(value.text("condition")), .init(value.shown("backup")),
                .init(value.text("since").map(TimeText.short)),
            ]
        }
        return row + [.init(value.text("reason"))]
    }
}

/// An address with a port; an IPv6 address in brackets.
func endpoint(_ address: String, _ port: String?) -> String {
    let host = address.utf8.contains(UInt8(ascii: ":")) ? "[\(address)]" : address
    return port.map { "\(host):\($0)" } ?? host
}

// MARK: - The answers

/// GET /v1/load-balancers as load balancers.
func listView(_ root: JSONValue, _ json: String, isWide: Bool) -> Presentation {
    let all = root.elements(of: "loadBalancers")
    let table = TextTable(LoadBalancerView.columns(isWide: isWide), all.map { LoadBalancerView(value: $0).row(isWide: isWide) })
    return Presentation(
        json: json, items: all.map(\.spelling), names: all.map { Reference.word(for: $0.id) }, parts: [.table(table)], isList: true)
}

/// GET /v1/load-balancers as nodes.
func nodeListView(_ root: JSONValue, _ json: String, isWide: Bool) -> Presentation {
    var table = TextTable(NodeView.columns(isWide: isWide, isNamed: true))
    var (items, names): ([String], [String]) = ([], [])
    for loadBalancer in root.elements(of: "loadBalancers") {
        for node in loadBalancer.elements(of: "nodes") {
            let name = "\(Reference.word(for: loadBalancer.id))/\(Reference.word(for: node.id))"
            names.append(name)
            table.rows.append(NodeView(value: node).row(named: name, isWide: isWide))
            let object = node.spelling.drop { $0 != "{" }.dropFirst()
            items.append("{\"loadBalancer\": \(JSONWriting.string(loadBalancer.id)), \(object)")
        }
    }
    return Presentation(
        json: "[\(items.joined(separator: ",\n"))]", items: items, names: names, parts: [.table(table)], isList: true)
}

/// GET /v1/load-balancers/{id}.
func loadBalancerView(_ root: JSONValue, _ json: String, isWide: Bool) -> Presentation {
    Presentation(
        json: json, items: [root.spelling], names: [Reference.word(for: root.id)],
        parts: LoadBalancerView(value: root).parts(isWide: isWide))
}
