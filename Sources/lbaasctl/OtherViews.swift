import JSON
import Terminal

/// GET /v1/status.
func statusView(_ root: JSONValue, _ json: String, isWide: Bool) -> Presentation {
    let started = root.text("started")
    var facts: [(String, String)] = [
        ("version", root.text("version") ?? "-"), ("driver", root.text("driver") ?? "-"), ("function", root.text("function") ?? "-"),
        ("started", "\(TimeText.short(started))" + (TimeText.age(started).map { " (\($0) ago)" } ?? "")),
        ("revision", root.shown("revision") ?? "-"), ("load balancers", root.shown("load_balancers") ?? "-"),
    ]
    let servers = root.elements(of: "job_servers")
    if servers.isEmpty { facts.append(("job servers", "none configured")) }
    for (place, server) in servers.enumerated() {
        facts.append(
            (place == 0 ? "job servers" : "", "\(server.text("server") ?? "-") \(server.flag("connected") ? "connected" : "NOT CONNECTED")")
        )
    }
    if let change = root["last_change"], change.isObject {
        facts.append(("last change", "\(TimeText.short(change.text("time"))) \(changeText(change))"))
    }
    // What a worker of another version tells too.
    let known = ["version", "driver", "function", "started", "revision", "load_balancers", "job_servers", "last_change"]
    if isWide {
        for (name, value) in root.isObject ? Array(root.members) : [] where !known.contains(name.string ?? "") {
            facts.append((name.string?.safe ?? "", value.string ?? value.spelling))
        }
    }
    return Presentation(
        json: json, items: [root.spelling], names: [root.text("function") ?? "-"].map(Reference.word), parts: [.facts(facts)])
}

/// What an entry of the journal says, without its time.
func changeText(_ change: JSONValue) -> String {
    var text = (change.text("origin").map { "\($0) " } ?? "") + (change.text("what") ?? "-")
    if let outcome = change.text("outcome"), !outcome.isEmpty { text += ": \(outcome)" }
    return text
}

/// GET /v1/why/{id}[/{node}].
///
/// - Parameter name: what is explained.
func whyView(_ name: String, _ root: JSONValue, _ json: String) -> Presentation {
    let steps = root.elements(of: "why")
    let branches = steps.map { step in
        let details = step.elements(of: "details").map { TextTree(timed($0)) }
        return TextTree(step.text("step") ?? "-", .bold, timed(step), details)
    }
    var tree = TextTree(name, .bold, root.text("summary") ?? "", branches)
    let deviations = root.elements(of: "differs").compactMap(\.string)
    if !deviations.isEmpty { tree.branches.append(TextTree("differs", .bad, "", deviations.map { TextTree($0) })) }
    return Presentation(json: json, items: steps.map(\.spelling), names: steps.compactMap { $0.text("step") }, parts: [.tree(tree)])
}

private func timed(_ statement: JSONValue) -> String {
    let what = statement.text("what") ?? "-"
    return statement.text("time").map { "\(TimeText.short($0)) \(what)" } ?? what
}

/// GET /ips.
func addressListView(_ root: JSONValue, _ json: String, isWide: Bool) -> Presentation {
    let all = root.elements(of: "ips")
    var columns: [TextTable.Column] = [.init("ID", mayShrink: true), .init("IP"), .init("STATUS"), .init("CHECKS", isNumber: true)]
    // What is not LINK's is there where the worker tells it.
    let more: [(title: String, name: StaticString, isWide: Bool)] = [
        ("INTERFACE", "interface", false), ("OWNER", "owner", false), ("POLICY", "policy", true), ("PRIORITY", "priority", true),
        ("SINCE", "since", true), ("REASON", "reason", false),
    ]
    let shown = more.filter { entry in (isWide || !entry.isWide) && all.contains { $0.shown(entry.name) != nil } }
    columns += shown.map { .init($0.title, isNumber: $0.title == "PRIORITY", mayShrink: $0.title == "REASON") }
    let rows = all.map { address -> [TextTable.Cell] in
        let status = address.text("status")
        return [
            .init(address.id), .init(address.text("ip")), .init(status, .init(state: status)),
            .init("\(address.elements(of: "checks").count)"),
        ] + shown.map { .init($0.title == "SINCE" ? TimeText.short(address.text("since")) : address.shown($0.name)) }
    }
    return Presentation(
        json: json, items: all.map(\.spelling), names: all.map { Reference.word(for: $0.id) }, parts: [.table(TextTable(columns, rows))],
        isList: true)
}

/// An event as a line: time, kind, and what it says.
func eventLine(_ event: String, _ root: JSONValue?, _ traits: DisplayTraits) -> String {
    let time = TimeText.short(root?.text("time"))
    let (text, state) = root.map { eventText(event, $0) } ?? (event == "lost" ? "events were lost: look again at what you watch" : "", nil)
    let name = event.safe
    let kind = name + String(repeating: " ", count: max(0, 10 - name.columns))
    return "\(traits.styled(time.safe, .faint))  \(kind)  \(traits.styled(text.safe, .init(state: state)))"
}

private func eventText(_ event: String, _ root: JSONValue) -> (String, state: String?) {
    let status = root.text("status")
    let reason = root.text("reason").map { ": \($0)" } ?? ""
    func words(_ names: StaticString...) -> String { names.compactMap { root.shown($0) }.joined(separator: " ") }
    switch event {
    case "change": return (changeText(root), nil)
    case "health":
        return ("\(root.text("load_balancer") ?? "-")/\(root.text("node") ?? "-") \(words("address", "status"))\(reason)", status)
    case "service": return ("\(words("load_balancer", "listener", "status"))\(reason)", status)
    case "virtual_ip": return ("\(words("address", "interface", "status"))\(reason)", status)
    case "job_server":
        let isConnected = root.flag("connected")
        return ("\(words("server")) \(isConnected ? "connected" : "not connected")\(reason)", isConnected ? "UP" : "DOWN")
    case "repair":
        let steps = root.elements(of: "steps").compactMap(\.string)
        return (
            steps.joined(separator: "; ") + (root.text("outcome").map { ": \($0)" } ?? ""), root.text("outcome") == "FAIL" ? "DOWN" : nil
        )
    default:
        // Of a worker that is newer than this program.
        let members = root.isObject ? Array(root.members) : []
        return (
            members.filter { !$0.name.equals("time") }.map { "\($0.name.string ?? "") \($0.value.string ?? $0.value.spelling)" }
                .joined(separator: ", "), nil
        )
    }
}
