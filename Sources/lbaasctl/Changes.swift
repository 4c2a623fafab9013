import Arguments
import HTTPClient
import HostSystem
import JSON
import Terminal

// Commands that change one thing, and wait for it where that is asked for.

extension Session {
    /// How long `--wait` waits where no time is given.
    private static let patience = Duration.seconds(60)

    /// Changes a node of the word `ID/NODE`.
    ///
    /// - Parameters:
    ///   - fields: what is changed of it, as JSON.
    ///   - isDone: whether the node is as it should be then.
    func changeNode(_ word: String, _ fields: String, until goal: String, _ isDone: (JSONValue) -> Bool) throws(CommandFailure) {
        let (id, node) = Reference.ids(of: word)
        guard let node, !node.isEmpty, !id.isEmpty else {
            throw CommandFailure(
                .usage, "\(call.command.name): '\(word)' is not ID/NODE, a load balancer and its node with a slash between")
        }
        let answer = try change("PATCH", "\(path(of: id))/nodes/\(Reference.segment(for: node))" + dryRun(), fields)
        try print(answer, about: id)
        guard call.has("wait"), !call.has("dry-run") else { return }
        try wait(until: "\(id)/\(node) \(goal)", path(of: id)) { root in
            guard let found = root?.elements(of: "nodes").first(where: { $0.id == node }) else { return nil }
            return isDone(found)
        }
    }

    /// Has a load balancer suspended or enabled.
    func set(_ action: String, _ word: String, until goal: String, _ isDone: (JSONValue) -> Bool) throws(CommandFailure) {
        let id = Reference.id(of: word)
        try print(try change("POST", "\(path(of: id))/\(action)" + dryRun()), about: id)
        guard call.has("wait"), !call.has("dry-run") else { return }
        try wait(until: "\(id) \(goal)", path(of: id)) { $0.map(isDone) }
    }

    /// Deletes a load balancer.
    func delete(_ word: String) throws(CommandFailure) {
        let id = Reference.id(of: word)
        try confirm("Delete the load balancer \(id)?")
        let answer = try change("DELETE", path(of: id) + dryRun(call.has("force") ? ["force=true"] : []))
        if call.has("dry-run") { return try print(answer, about: id) }
        if call.has("wait") { try wait(until: "\(id) is gone", path(of: id)) { $0 == nil } }
    }

    private func dryRun(_ query: [String] = []) -> String {
        let all = query + (call.has("dry-run") ? ["dry_run=true"] : [])
        return all.isEmpty ? "" : "?" + all.joined(separator: "&")
    }

    /// Prints what a change was answered with, where somebody asked for it by a form: the load balancer, or what would be done.
    private func print(_ answer: Answer, about id: String) throws(CommandFailure) {
        if call.has("dry-run") { return try print(try present(answer, planView)) }
        if call.has("output") { try print(try present(answer) { loadBalancerView($0, $1, isWide: isWide) }) }
    }

    /// Waits until a resource is so.
    ///
    /// - Parameters:
    ///   - goal: what is waited for.
    ///   - isDone: gets the resource, nil where it is not there; answers nil where it never can be so.
    func wait(until goal: String, _ path: String, _ isDone: (JSONValue?) -> Bool?) throws(CommandFailure) {
        let limit = timeout ?? Self.patience
        let end = Deadline(in: limit)
        let follower = try EventFollower(client)
        while true {
            let update = try follower.next(until: end)
            if case .interrupted(let reason) = update { note("\(reason); connecting again") }
            if case .event = update {
                // What comes together is looked at once.
                let settled = Deadline(in: .milliseconds(20))
                while !settled.isOver, case .event = try follower.next(until: settled) {}
            }
            switch try judge(path, isDone) {
            case .some(true): return
            case .some(false): break
            case nil: throw CommandFailure(.failed, "\(goal): it never can be: it was deleted")
            }
            if case .timedOut = update {
                throw CommandFailure(.failed, "not within \(limit.wholeMilliseconds / 1000) s: \(goal); --timeout S waits longer")
            }
        }
    }

    private func judge(_ path: String, _ isDone: (JSONValue?) -> Bool?) throws(CommandFailure) -> Bool? {
        do throws(CommandFailure) {
            return try client.read(try read(path)) { isDone($0) }
        } catch  where error.status == .unavailable {
            return false
        } catch  where error.status == .failed {
            // It is not there, or the worker refuses to tell, which the next try shows.
            return isDone(nil)
        }
    }
}

// MARK: - Virtual IPs

extension Session {
    /// Adds a virtual IP.
    func addAddress(_ address: String) throws(CommandFailure) {
        var members = ["\"ip\": \(JSONWriting.string(Self.withLength(address)))"]
        for name in ["interface", "policy"] { if let value = call[name] { members.append("\"\(name)\": \(JSONWriting.string(value))") } }
        if let priority = call["priority"] {
            guard let number = Int(priority), (1...254).contains(number) else {
                throw CommandFailure(.usage, "--priority: '\(priority)' is not a number from 1 to 254")
            }
            members.append("\"priority\": \(number)")
        }
        let checks = try call.values(of: "check").map { word throws(CommandFailure) in try Self.check(word) }
        if !checks.isEmpty { members.append("\"checks\": [\(checks.joined(separator: ", "))]") }
        let answer = try change("POST", "/ips", "{\(members.joined(separator: ", "))}")
        let id = try client.read(answer) { $0.id }
        try print(
            Presentation(json: answer.text, items: [answer.text], names: [Reference.word(for: id)], parts: [.lines([id])]))
        if call.has("wait") {
            try wait(until: "\(id) is owned by this host", "/ips/\(Reference.segment(for: id))") { $0?.text("status") == "ACTIVATED" }
        }
    }

    /// A check of a virtual IP as JSON, of `HOST:PORT`.
    private static func check(_ word: String) throws(CommandFailure) -> String {
        guard let colon = word.lastIndex(of: ":"), let port = UInt16(word[word.index(after: colon)...]), port > 0, colon != word.startIndex
        else { throw CommandFailure(.usage, "--check: '\(word)' is not HOST:PORT") }
        let host = word[..<colon].filter { $0 != "[" && $0 != "]" }
        return "{\"type\": \"TCP\", \"host\": \(JSONWriting.string(String(host))), \"port\": \(port)}"
    }

    /// Deletes a virtual IP.
    func deleteAddress(_ word: String) throws(CommandFailure) {
        let id = try addressID(word)
        try confirm("Delete the virtual IP \(word)?")
        _ = try change("DELETE", "/ips/\(Reference.segment(for: id))")
    }

    /// Gives a virtual IP to another host.
    func failOver(_ word: String) throws(CommandFailure) {
        let id = try addressID(word)
        try confirm("Give the virtual IP \(word) to another host?")
        _ = try change("POST", "/ips/\(Reference.segment(for: id))/failover")
        if call.has("wait") {
            try wait(until: "\(word) is owned by another host", "/ips/\(Reference.segment(for: id))") { $0?.text("status") != "ACTIVATED" }
        }
    }

    /// The id of a virtual IP that is named by it or by its address.
    private func addressID(_ word: String) throws(CommandFailure) -> String {
        let name = Reference.id(of: word)
        let all = try client.read(try read("/ips")) { $0.elements(of: "ips").map { (id: $0.id, ip: $0.text("ip") ?? "") } }
        let wanted = Self.withLength(name)
        guard let found = all.first(where: { $0.id == name }) ?? all.first(where: { $0.ip == name || $0.ip == wanted }) else {
            throw CommandFailure(.failed, "there is no virtual IP \(name); `\(commandTable.program) ips list` has all")
        }
        return found.id
    }

    /// An address as LINK has it, with the length of its prefix.
    private static func withLength(_ address: String) -> String {
        if address.contains("/") { return address }
        return address + (address.contains(":") ? "/128" : "/32")
    }
}
