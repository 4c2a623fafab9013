// How a step reads to an operator. A driver that does more than one thing for a step has words of its own.

extension PatchGroup {
    /// The steps of the group in words, in the order to take them: a creation load balancer first, a removal nodes first.
    public var operations: [String] { patches.flatMap(\.operations) }
}

extension LoadBalancerPatch {
    /// The step in words.
    public var operations: [String] {
        let own = ownOperations
        let nodes = nodes.map { $0.operation(of: id) } + leavingOperations
        if loadBalancer.old == loadBalancer.new { return ["put load balancer \(quoted(id.text)) right"] }
        if own.isEmpty, nodes.isEmpty { return ["put the nodes of load balancer \(quoted(id.text)) in another order"] }
        if case .delete = loadBalancer { return nodes + own }
        return own + nodes
    }

    private var leavingOperations: [String] {
        let (old, new) = (loadBalancer.old?.leaving ?? [], loadBalancer.new?.leaving ?? [])
        return new.filter { !old.contains($0) }.map { "let \($0.endpoint) on \($0.listener) finish what it has" }
            + old.filter { !new.contains($0) }.map { "take \($0.endpoint) off \($0.listener)" }
    }

    private var ownOperations: [String] {
        switch loadBalancer {
        case .create(let new):
            let created = "create load balancer \(quoted(id.text)): \(new.summary)"
            return new.isSuspended ? [created, "suspend load balancer \(quoted(id.text))"] : [created]
        case .delete:
            return ["delete load balancer \(quoted(id.text))"]
        case .update(let old, let new):
            var lines: [String] = []
            if changesSettings {
                lines.append("change load balancer \(quoted(id.text)): \(changes(from: old, to: new))")
            }
            if old.isSuspended != new.isSuspended {
                lines.append("\(new.isSuspended ? "suspend" : "enable") load balancer \(quoted(id.text))")
            }
            return lines
        }
    }

    private func changes(from old: LoadBalancer, to new: LoadBalancer) -> String {
        var changes: [String] = []
        func note<Value: Equatable>(_ name: String, _ path: KeyPath<LoadBalancer, Value>, _ text: (Value) -> String) {
            let (before, after) = (old[keyPath: path], new[keyPath: path])
            if before != after { changes.append("\(name) \(text(before)) → \(text(after))") }
        }
        note("protocol", \.serviceProtocol) { $0.rawValue }
        note("listener", \.listener) { $0.description }
        note("algorithm", \.algorithm) { $0.rawValue }
        note("monitor", \.monitor) { $0.map(\.summary) ?? "none" }
        note("timeouts", \.timeouts) { "\($0.client)/\($0.server)/\($0.connect) ms, \($0.connectRetries) retries" }
        note("session persistence", \.sessionPersistence) { $0.map(\.summary) ?? "as the driver does" }
        note("forwarding", \.forwarding) { $0.map(\.summary) ?? "as the driver does" }
        note("quorum", \.quorum) { $0.map(String.init) ?? "none" }
        note("hysteresis", \.hysteresis) { String($0) }
        note("panic threshold", \.panicPercent) { $0.map { "\($0) %" } ?? "none" }
        note("sorry server", \.sorryServer) { $0?.description ?? "none" }
        return changes.joined(separator: ", ")
    }
}

extension Patch<Node> {
    fileprivate func operation(of loadBalancer: LoadBalancerID) -> String {
        let name = quoted(loadBalancer.text)
        switch self {
        case .create(let node):
            return "add node \(quoted(node.id.text)) to \(name): \(node.summary)"
        case .delete(let node):
            return "remove node \(quoted(node.id.text)) from \(name)"
        case .update(let old, let new):
            var changes: [String] = []
            if old.endpoint != new.endpoint { changes.append("address \(old.endpoint) → \(new.endpoint)") }
            if old.weight != new.weight { changes.append("weight \(old.weight) → \(new.weight)") }
            if old.isBackup != new.isBackup { changes.append(new.isBackup ? "now a backup" : "no longer a backup") }
            if old.condition != new.condition { changes.append("\(old.condition.rawValue) → \(new.condition.rawValue)") }
            return "change node \(quoted(new.id.text)) of \(name): \(changes.joined(separator: ", "))"
        }
    }
}

extension LoadBalancer {
    /// Its settings in words, on one line, such as `TCP on *:80, ROUND_ROBIN, 2 nodes`.
    public var summary: String {
        var parts = ["\(serviceProtocol.rawValue) on \(listener)", algorithm.rawValue, "\(nodes.count) node\(nodes.count == 1 ? "" : "s")"]
        if let monitor { parts.append("monitor \(monitor.summary)") }
        return parts.joined(separator: ", ")
    }
}

extension Node {
    /// Its settings in words, on one line, such as `10.0.0.1:80, weight 1`.
    public var summary: String {
        "\(endpoint), weight \(weight)" + (isBackup ? ", backup" : "") + (condition == .enabled ? "" : ", \(condition.rawValue)")
    }
}

extension Monitor {
    fileprivate var summary: String {
        var text = ([kind.rawValue] + particulars).joined(separator: " ")
        if let address { text += " at \(address)" }
        if let port { text += " on port \(port)" }
        if let source { text += " from \(source)" }
        text += " every \(delay) s, timeout \(timeout) s, down after \(attempts), up after \(rise ?? attempts)"
        if !expectedCodes.isEmpty {
            text += ", expecting \(expectedCodes.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ","))"
        }
        if let initiallyUp { text += ", \(initiallyUp ? "up" : "down") at first" }
        if quiesces { text += ", quiescing" }
        if slowStart > 0 { text += ", slow start of \(slowStart) s" }
        return text
    }

    /// What only some types have.
    private var particulars: [String] {
        var words = method.map { [$0] } ?? []
        switch kind {
        case .connect, .icmp: break
        case .http: words.append((host ?? "") + path)
        case .https: words += [(host ?? "") + path] + tls.summary
        case .tls: words += tls.summary
        case .udp:
            if !payload.isEmpty { words.append("sending 0x\(payload.hexadecimal)") }
            if let expectedAnswer { words.append("expecting \(expectedAnswer.isEmpty ? "an answer" : "0x" + expectedAnswer.hexadecimal)") }
        case .exec: words += command.map(quoted)
        }
        return words
    }
}

extension TLS {
    fileprivate var summary: [String] {
        (isVerified ? [] : ["unverified"]) + (serverName.map { ["as \($0)"] } ?? []) + (authorities.map { ["by \(quoted($0))"] } ?? [])
    }
}

extension SessionPersistence {
    fileprivate var summary: String {
        switch self {
        case .none: "none"
        case .sourceIP(let timeout): "by source address for \(timeout) s"
        case .httpCookie: "by cookie"
        }
    }
}

extension Forwarding {
    fileprivate var summary: String {
        switch self {
        case .nat: "NAT"
        case .direct: "DIRECT"
        case .tunnel(let tunnel):
            "\(tunnel.kind.rawValue) tunnel" + (tunnel.port.map { " to port \($0)" } ?? "") + (tunnel.checksum ? " with checksum" : "")
        }
    }
}

/// The text in quotes, on one line, cut to 128 bytes: what would break it is shown as `\n` or `\u{…}`, so that an id cannot forge a line of a log.
public func quoted(_ text: String) -> String {
    var quoted = "'"
    let shown = text.utf8.count > 128 ? String(decoding: text.utf8.prefix(128), as: UTF8.self) : text
    for scalar in shown.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: quoted += scalar.escaped(asASCII: true)
        case _ where scalar == "'" || scalar == "\\": quoted += scalar.escaped(asASCII: true)
        default: quoted.unicodeScalars.append(scalar)
        }
    }
    return quoted + (shown.utf8.count < text.utf8.count ? "…'" : "'")
}
