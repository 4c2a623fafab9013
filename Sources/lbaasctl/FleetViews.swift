import JSON
import Terminal

// What the server of a fleet answers, as people read it.

/// Load balancers, listeners and members of OpenStack.
enum FleetView {
    static func loadBalancerColumns(isWide: Bool) -> [TextTable.Column] {
        let columns: [TextTable.Column] = [
            .init("ID"), .init("NAME", mayShrink: true), .init("ADDRESS"), .init("PROVISIONING"), .init("OPERATING"),
        ]
        return isWide ? columns + [.init("ADMIN"), .init("LISTENERS", isNumber: true), .init("PROJECT"), .init("CREATED")] : columns
    }

    static func loadBalancer(_ value: JSONValue, isWide: Bool) -> [TextTable.Cell] {
        let row: [TextTable.Cell] = [
            .init(Reference.word(for: value.id)), .init(value.text("name")), .init(value.text("vip_address")),
            state(value, "provisioning_status"), state(value, "operating_status"),
        ]
        if !isWide { return row }
        return row + [
            .init(value.flag("admin_state_up") ? "up" : "down"), .init("\(value.elements(of: "listeners").count)"),
            .init(value.text("project_id")), .init(TimeText.short(value.text("created_at"))),
        ]
    }

    static func facts(_ value: JSONValue) -> [(String, String)] {
        [
            ("id", value.id), ("name", value.text("name") ?? "-"), ("description", value.text("description") ?? "-"),
            ("address", value.text("vip_address") ?? "-"), ("provisioning", value.text("provisioning_status") ?? "-"),
            ("error", value.text("provisioning_error") ?? "-"), ("operating", value.text("operating_status") ?? "-"),
            ("admin state", value.flag("admin_state_up") ? "up" : "down"),
            ("project", value.text("project_id") ?? "-"), ("created", TimeText.short(value.text("created_at"))),
        ].filter { $0.1 != "-" && !$0.1.isEmpty }
    }

    static let listenerColumns: [TextTable.Column] = [
        .init("LISTENER"), .init("NAME", mayShrink: true), .init("PROTOCOL"), .init("PORT", isNumber: true), .init("POOL"),
        .init("PROVISIONING"), .init("OPERATING"),
    ]

    static func listener(_ value: JSONValue) -> [TextTable.Cell] {
        [
            .init(value.id), .init(value.text("name")), .init(value.text("protocol")), .init(value.shown("protocol_port")),
            .init(value.text("default_pool_id")), state(value, "provisioning_status"), state(value, "operating_status"),
        ]
    }

    static func memberColumns(isWide: Bool) -> [TextTable.Column] {
        let columns: [TextTable.Column] = [
            .init("MEMBER"), .init("NAME", mayShrink: true), .init("ADDRESS"), .init("WEIGHT", isNumber: true), .init("PROVISIONING"),
            .init("OPERATING"),
        ]
        return isWide ? columns + [.init("ADMIN"), .init("BACKUP"), .init("POOL")] : columns
    }

    static func member(_ value: JSONValue, _ place: String, pool: String, isWide: Bool) -> [TextTable.Cell] {
        let row: [TextTable.Cell] = [
            .init(value.id), .init(value.text("name")), .init(place), .init(value.shown("weight")),
            state(value, "provisioning_status"), state(value, "operating_status"),
        ]
        if !isWide { return row }
        return row + [.init(value.flag("admin_state_up") ? "up" : "down"), .init(value.shown("backup")), .init(pool)]
    }

    private static func state(_ value: JSONValue, _ name: StaticString) -> TextTable.Cell {
        let state = value.text(name)
        return .init(state, .init(state: state))
    }
}

/// GET /v1/users.
func userListView(_ root: JSONValue, _ json: String, isWide: Bool) -> Presentation {
    var presentation = userListView(of: root.elements(of: "users"), json, isWide: isWide)
    presentation.isList = true
    return presentation
}

/// Users.
func userListView(of all: [JSONValue], _ json: String, isWide: Bool) -> Presentation {
    var columns: [TextTable.Column] = [.init("NAME", mayShrink: true), .init("ROLE"), .init("PROJECT", mayShrink: true), .init("ENABLED")]
    if isWide { columns += [.init("ID"), .init("CREATED")] }
    let rows = all.map { user -> [TextTable.Cell] in
        let row: [TextTable.Cell] = [
            .init(user.text("name").map(Reference.word)), .init(user.text("role")), .init(user.text("project")),
            .init(user.flag("enabled") ? "yes" : "no", user.flag("enabled") ? .plain : .warning),
        ]
        return isWide ? row + [.init(user.id), .init(TimeText.short(user.text("created")))] : row
    }
    return Presentation(
        json: json, items: all.map(\.spelling), names: all.map { Reference.word(for: $0.text("name") ?? "") },
        parts: [.table(TextTable(columns, rows))])
}

/// GET /v1/tokens.
func tokenListView(_ root: JSONValue, _ json: String, isWide: Bool) -> Presentation {
    let all = root.elements(of: "tokens")
    var columns: [TextTable.Column] = [
        .init("TOKEN"), .init("KIND"), .init("NAME", mayShrink: true), .init("USER", mayShrink: true), .init("ROLE"), .init("EXPIRES"),
    ]
    if isWide { columns += [.init("CREATED"), .init("CREDENTIAL")] }
    let rows = all.map { token -> [TextTable.Cell] in
        let row: [TextTable.Cell] = [
            .init(token.id), .init(token.text("kind")), .init(token.text("name")), .init(token.text("user")), .init(token.text("role")),
            .init(token.text("expires").map(TimeText.short)),
        ]
        return isWide ? row + [.init(TimeText.short(token.text("created"))), .init(token.text("credential"))] : row
    }
    return Presentation(
        json: json, items: all.map(\.spelling), names: all.map { Reference.word(for: $0.id) }, parts: [.table(TextTable(columns, rows))],
        isList: true)
}

/// GET /v1/hosts.
func hostListView(_ root: JSONValue, _ json: String, isWide: Bool) -> Presentation {
    let all = root.elements(of: "hosts")
    var columns: [TextTable.Column] = [
        .init("HOST", mayShrink: true), .init("GROUP", mayShrink: true), .init("STATE"), .init("SINCE"), .init("REVISION", isNumber: true),
    ]
    if isWide { columns += [.init("DRIVER"), .init("VERSION"), .init("SERVER")] }
    let rows = all.map { host -> [TextTable.Cell] in
        let state = host.text("state")
        var row: [TextTable.Cell] = [
            .init(Reference.word(for: host.id)), .init(host.text("group")), .init(state, .init(state: state)),
            .init(TimeText.age(host.text("since"))), .init(host.shown("revision")),
        ]
        if isWide { row += [.init(host.text("driver")), .init(host.text("version")), .init(host.text("server"))] }
        let refused = host.elements(of: "refused").map { "\($0.text("id") ?? "-"): \($0.text("sentence") ?? "-")" }
        return row + [.init(([host.text("error")].compactMap(\.self) + refused).joined(separator: "; "))]
    }
    return Presentation(
        json: json, items: all.map(\.spelling), names: all.map { Reference.word(for: $0.id) },
        parts: [.table(TextTable(columns + [.init("ERROR", mayShrink: true)], rows))], isList: true)
}
