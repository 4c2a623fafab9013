import Arguments
import HTTPClient
import JSON
import Terminal

// Load balancers of a fleet: those of OpenStack, with pools of members in place of nodes.

extension Fleet {
    /// The most items of a page.
    private static let page = 1000

    /// All things of a kind.
    private func all<Value>(_ kind: String, _ query: String = "", _ body: (JSONValue) -> Value) throws(CommandFailure) -> [Value] {
        var (values, marker): ([Value], String?) = ([], nil)
        repeat {
            let more = marker.map { "&marker=\(Reference.segment(for: $0))" } ?? ""
            let answer = try session.read("\(Self.root)/\(kind)?limit=\(Self.page)\(more)\(query)")
            let name = kind.split(separator: "/").last.map(String.init) ?? kind
            let (items, last) = try client.read(answer) { root in
                let items = root.isObject ? root.members.first { $0.name.string == name }.map { Array($0.value.elements) } ?? [] : []
                return (items.map(body), items.count < Self.page ? nil : items.last?.id)
            }
            values += items
            marker = last == marker ? nil : last
        } while marker != nil
        return values
    }

    /// A load balancer that is named by its id or its name.
    func loadBalancer(_ word: String) throws(CommandFailure) -> String {
        let name = Reference.id(of: word)
        let answer = try client.send("GET", Self.path("loadbalancers", name), within: session.timeout ?? Session.limits.read)
        if answer.status == 200 { return try client.read(answer) { $0["loadbalancer"]?.id ?? name } }
        if answer.status != 404, answer.status != 400, let refusal = client.refusal(answer) { throw refusal }
        let found = try all("loadbalancers", "&name=\(Reference.segment(for: name))") { $0.id }
        if found.count > 1 { throw CommandFailure(.failed, "\(found.count) load balancers have the name \(name): name one by its id") }
        guard let id = found.first else {
            throw CommandFailure(.failed, "there is no load balancer \(name); `\(commandTable.program) list` has all")
        }
        return id
    }

    // MARK: What is there

    func status() throws(CommandFailure) -> Presentation {
        let answer = try session.read("/v1/session")
        let states = try all("loadbalancers") { $0.text("provisioning_status") ?? "-" }
        let errors = states.filter { $0 == "ERROR" }.count
        let pending = states.filter { $0.hasPrefix("PENDING") }.count
        return try session.present(answer) { root, json in
            let user = "\(root["user"]?.text("name") ?? "-") (\(root.text("role") ?? "-"))"
            return Presentation(
                json: json, items: [root.spelling], names: [client.server.name],
                parts: [
                    .facts([
                        ("server", client.server.name), ("user", user), ("project", root["project"]?.text("name") ?? "-"),
                        ("token until", TimeText.short(root.text("expires"))),
                        ("load balancers", "\(states.count), \(pending) pending, \(errors) in error"),
                    ])
                ])
        }
    }

    func list() throws(CommandFailure) -> Presentation {
        let rows = try all("loadbalancers") { ($0.spelling, $0.id, FleetView.loadBalancer($0, isWide: session.isWide)) }
        return Presentation(
            json: "{\"loadbalancers\": [\(rows.map(\.0).joined(separator: ",\n"))]}", items: rows.map(\.0),
            names: rows.map { Reference.word(for: $0.1) },
            parts: [.table(TextTable(FleetView.loadBalancerColumns(isWide: session.isWide), rows.map(\.2)))], isList: true)
    }

    func listNodes() throws(CommandFailure) -> Presentation {
        let owners = try all("pools") { ($0.id, $0.elements(of: "loadbalancers").first?.id ?? "") }
        var presentation = Presentation(json: "", items: [], names: [], parts: [], isList: true)
        var table = TextTable(FleetView.memberColumns(isWide: session.isWide))
        for (pool, owner) in owners {
            for member in try members(of: pool) {
                let name = "\(Reference.word(for: owner))/\(Reference.word(for: member.id))"
                presentation.names.append(name)
                presentation.items.append(member.json)
                table.rows.append([.init(name)] + member.cells.dropFirst())
            }
        }
        presentation.json = "{\"members\": [\(presentation.items.joined(separator: ",\n"))]}"
        presentation.parts = [.table(table)]
        return presentation
    }

    func show(_ word: String) throws(CommandFailure) -> Presentation {
        let id = try loadBalancer(word)
        let answer = try session.read(Self.path("loadbalancers", id))
        let (json, facts, listeners, pools) = try client.read(answer) { root in
            let value = root["loadbalancer"] ?? root
            return (
                value.spelling, FleetView.facts(value), value.elements(of: "listeners").map(\.id), value.elements(of: "pools").map(\.id)
            )
        }
        var listenerTable = TextTable(FleetView.listenerColumns)
        var listenerTexts: [String] = []
        for id in listeners {
            let (text, row) = try client.read(try session.read(Self.path("listeners", id))) { root in
                let value = root["listener"] ?? root
                return (value.spelling, FleetView.listener(value))
            }
            listenerTexts.append(text)
            listenerTable.rows.append(row)
        }
        var memberTable = TextTable(FleetView.memberColumns(isWide: session.isWide))
        var poolTexts: [String] = []
        for id in pools {
            let members = try members(of: id)
            poolTexts.append("{\"id\": \(Self.text(id)), \"members\": [\(members.map(\.json).joined(separator: ", "))]}")
            memberTable.rows += members.map(\.cells)
        }
        let whole =
            "{\"loadbalancer\": \(json), \"listeners\": [\(listenerTexts.joined(separator: ", "))], \"pools\": [\(poolTexts.joined(separator: ", "))]}"
        return Presentation(
            json: whole, items: [whole], names: [Reference.word(for: id)],
            parts: [.facts(facts), .table(listenerTable), .table(memberTable)])
    }

    private struct Member {
        let id: String
        let pool: String
        let names: [String]
        let json: String
        let cells: [TextTable.Cell]
    }

    private func members(of pool: String) throws(CommandFailure) -> [Member] {
        let isWide = session.isWide
        return try all("pools/\(Reference.segment(for: pool))/members") { value in
            let place = endpoint(value.text("address") ?? "-", value.shown("protocol_port"))
            return Member(
                id: value.id, pool: pool, names: [value.text("name") ?? "", place], json: value.spelling,
                cells: FleetView.member(value, place, pool: pool, isWide: isWide))
        }
    }

    // MARK: Changes

    /// Sets the weight of a member, 0 to drain it.
    func setWeight(_ weight: Int, of word: String) throws(CommandFailure) {
        let (name, node) = Reference.ids(of: word)
        guard let node, !node.isEmpty, !name.isEmpty else {
            throw CommandFailure(
                .usage, "\(session.call.command.name): '\(word)' is not ID/NODE, a load balancer and its member with a slash between")
        }
        let id = try loadBalancer(Reference.word(for: name))
        let pools = try client.read(try session.read(Self.path("loadbalancers", id))) { root in
            (root["loadbalancer"] ?? root).elements(of: "pools").map(\.id)
        }
        var found: [Member] = []
        for pool in pools { found += try members(of: pool).filter { $0.id == node || $0.names.contains(node) } }
        // An id goes before a name.
        let chosen = found.first { $0.id == node } ?? found.first
        guard let chosen else {
            throw CommandFailure(.failed, "\(name) has no member \(node); `\(commandTable.program) show \(name)` has all")
        }
        if chosen.id != node, found.count > 1 {
            throw CommandFailure(.failed, "\(found.count) members of \(name) are called \(node): name one by its id")
        }
        let path = Self.path("pools", chosen.pool, "/members/\(Reference.segment(for: chosen.id))")
        try change("PUT", path, "{\"member\": {\"weight\": \(weight)}}", about: id)
    }

    /// Lets a load balancer serve, or not.
    func set(isUp: Bool, _ word: String) throws(CommandFailure) {
        let id = try loadBalancer(word)
        if !isUp { try session.confirm("Suspend the load balancer \(Reference.id(of: word))?") }
        try change("PUT", Self.path("loadbalancers", id), "{\"loadbalancer\": {\"admin_state_up\": \(isUp)}}", about: id)
    }

    /// Deletes a load balancer with all that is below it.
    func delete(_ word: String) throws(CommandFailure) {
        let id = try loadBalancer(word)
        try session.confirm("Delete the load balancer \(Reference.id(of: word)), with its listeners and pools?")
        try change("DELETE", Self.path("loadbalancers", id) + "?cascade=true", nil, about: id)
    }

    private func change(_ method: String, _ path: String, _ body: String?, about id: String) throws(CommandFailure) {
        for option in ["dry-run", "force"] where session.call.has(option) {
            throw CommandFailure(.usage, "--\(option): the server of a fleet has no such thing; nothing was done")
        }
        // While another change is under way the server takes none.
        if session.call.has("wait") {
            try session.wait(until: "no other change of \(id) is under way", Self.path("loadbalancers", id)) { root in
                root.map { !($0["loadbalancer"]?.text("provisioning_status")?.hasPrefix("PENDING") ?? false) }
            }
        }
        let answer = try session.change(method, path, body)
        if session.call.has("wait") { try waitUntilSettled(id) }
        if body != nil { try show(answer) { root, json in Presentation(json: json, items: [root.spelling], names: [id], parts: []) } }
    }

    /// Waits until no change of a load balancer is under way.
    private func waitUntilSettled(_ id: String) throws(CommandFailure) {
        let isDelete = session.call.command.verb == .delete
        var failure: String?
        try session.wait(until: isDelete ? "\(id) is gone" : "\(id) is ACTIVE", Self.path("loadbalancers", id)) { root in
            let status = root?["loadbalancer"]?.text("provisioning_status")
            if status == "ERROR" {
                failure = "\(id): \(root?["loadbalancer"]?.text("provisioning_error") ?? "a worker has refused the change")"
            }
            if root == nil, !isDelete { return nil }
            return isDelete ? root == nil || status == "ERROR" : status == "ACTIVE" || status == "ERROR"
        }
        if let failure { throw CommandFailure(.failed, failure) }
    }
}
