import JSON

// What the keys of a cluster have: JSON objects. A value that is none, which somebody else must have put, reads as an empty object.

/// The keys below the prefix of a cluster, each kind in a folder of its own.
struct ClusterKeys: Hashable, Sendable {
    /// Such as `/lbaas/default/vip/`.
    let prefix: String

    func host(_ id: String) -> String { "\(prefix)host/\(id)" }
    func offer(_ id: String) -> String { "\(prefix)offer/\(id)" }
    func conflict(_ id: String) -> String { "\(prefix)conflict/\(id)" }
    func owner(_ name: String) -> String { "\(prefix)owner/\(name)" }
    func wish(_ name: String) -> String { "\(prefix)want/\(name)" }
    func value(_ name: String) -> String { "\(prefix)address/\(name)" }

    /// What a key is.
    enum Kind: Hashable {
        case host(String)
        case offer(String)
        case conflict(String)
        case owner(String)
        case wish(String)
        case value(String)
    }

    /// Reads a key; nil for one of no known kind.
    func kind(of key: String) -> Kind? {
        guard key.utf8.starts(with: prefix.utf8) else { return nil }
        let parts = key.utf8.dropFirst(prefix.utf8.count).split(
            separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let folder = String(parts[0]), let name = String(parts[1]), !name.isEmpty else { return nil }
        return switch folder {
        case "host": .host(name)
        case "offer": .offer(name)
        case "conflict": .conflict(name)
        case "owner": .owner(name)
        case "want": .wish(name)
        case "address": .value(name)
        default: nil
        }
    }
}

/// `host/ID`: that a host is alive, which it shows by changing the key all the time.
struct HostRecord: Hashable, Sendable {
    enum State: Hashable, Sendable {
        case alive
        /// Another host took it for dead.
        case deposed(by: String)
        /// It stopped.
        case released
        /// There is no such key.
        case absent
    }

    /// Chosen at random by each start of a worker.
    var incarnation: String
    /// Counts the changes.
    var sequence = 0
    /// Which process it is, for the worker that starts after it on the same host.
    var process = ""
    var state = State.alive

    var isAlive: Bool { state == .alive }

    var json: [UInt8] {
        var deposer: String?
        if case .deposed(let host) = state { deposer = JSONWriting.string(host) }
        return Array(
            JSONWriting.object([
                "inc": JSONWriting.string(incarnation), "seq": "\(sequence)", "process": JSONWriting.string(process), "deposed": deposer,
                "released": state == .released ? "true" : nil,
            ]).utf8)
    }

    init(incarnation: String, sequence: Int = 0, process: String = "", state: State = .alive) {
        (self.incarnation, self.sequence, self.process, self.state) = (incarnation, sequence, process, state)
    }

    init(_ bytes: [UInt8]) {
        self = readObject(bytes) { member in
            var record = HostRecord(incarnation: member("inc")?.string ?? "")
            record.sequence = member("seq")?.integer ?? 0
            record.process = member("process")?.string ?? ""
            if let deposer = member("deposed")?.string { record.state = .deposed(by: deposer) }
            if member("released")?.boolean ?? false { record.state = .released }
            return record
        }
    }
}

/// `owner/NAME`: who owns a name.
struct OwnerRecord: Hashable, Sendable {
    /// Empty for nobody.
    var host = ""
    /// The incarnation of the host that claimed it.
    var incarnation = ""
    /// Counts the owners.
    var epoch = 0
    /// Of a name without an owner: who gave it up.
    var from = ""
    /// Of a name without an owner: who is to own it next; empty for the best.
    var heir = ""

    var json: [UInt8] {
        Array(
            JSONWriting.object([
                "host": JSONWriting.string(host), "inc": incarnation.isEmpty ? nil : JSONWriting.string(incarnation), "epoch": "\(epoch)",
                "from": from.isEmpty ? nil : JSONWriting.string(from), "heir": heir.isEmpty ? nil : JSONWriting.string(heir),
            ]).utf8)
    }

    init(host: String = "", incarnation: String = "", epoch: Int = 0, from: String = "", heir: String = "") {
        (self.host, self.incarnation, self.epoch, self.from, self.heir) = (host, incarnation, epoch, from, heir)
    }

    init(_ bytes: [UInt8]) {
        self = readObject(bytes) { member in
            OwnerRecord(
                host: member("host")?.string ?? "", incarnation: member("inc")?.string ?? "", epoch: member("epoch")?.integer ?? 0,
                from: member("from")?.string ?? "", heir: member("heir")?.string ?? "")
        }
    }
}

/// `want/NAME`: that a host with a higher priority asks the owner for the name. `conflict/ID`: that a second worker with the id has started.
struct NoteRecord: Hashable, Sendable {
    /// Of a wish, the host.
    var host = ""
    /// The incarnation of the worker that put it.
    var incarnation = ""
    /// Of a conflict, which process it is.
    var process = ""

    var json: [UInt8] {
        Array(
            JSONWriting.object([
                "host": JSONWriting.string(host), "inc": JSONWriting.string(incarnation), "process": JSONWriting.string(process),
            ]).utf8)
    }

    init(host: String, incarnation: String, process: String) {
        (self.host, self.incarnation, self.process) = (host, incarnation, process)
    }

    init(_ bytes: [UInt8]) {
        self = readObject(bytes) { member in
            NoteRecord(
                host: member("host")?.string ?? "", incarnation: member("inc")?.string ?? "", process: member("process")?.string ?? "")
        }
    }
}

/// `address/NAME`: what all hosts are to know of a name.
extension SharedValue {
    var json: [UInt8] {
        Array(
            JSONWriting.object([
                "number": "\(number)", "host": JSONWriting.string(host), "text": text.map(JSONWriting.string),
            ]).utf8)
    }

    /// Reads a value. One that is none has the number 0, so that any other holds.
    init(name: String, _ bytes: [UInt8]) {
        self = readObject(bytes) { member in
            SharedValue(
                name: name, number: Int64(member("number")?.integer ?? 0), host: member("host")?.string ?? "", text: member("text")?.string)
        }
    }
}

/// `offer/ID`: the names that a host takes part in, with its priorities. One that is not healthy is left out.
struct OfferRecord: Hashable, Sendable {
    var priorities: [String: Int]

    var json: [UInt8] {
        let names = priorities.sorted { $0.key < $1.key }.map { "\(JSONWriting.string($0.key)): \($0.value)" }
        return Array("{\"names\": {\(names.joined(separator: ", "))}}".utf8)
    }

    init(priorities: [String: Int]) { self.priorities = priorities }

    init(_ bytes: [UInt8]) {
        self = readObject(bytes) { member in
            var priorities: [String: Int] = [:]
            guard let names = member("names"), names.isObject else { return OfferRecord(priorities: [:]) }
            for (name, value) in names.members { priorities[name.string ?? ""] = value.integer }
            return OfferRecord(priorities: priorities)
        }
    }
}

/// Reads the members of an object. A text that is no object has none.
private func readObject<Record>(_ bytes: [UInt8], _ read: ((StaticString) -> JSONValue?) -> Record) -> Record {
    let record = try? JSONTokenizer()?.withDocument(unsafe bytes.span.bytes) { document in
        let root = document.root
        return read { name in root.isObject ? root.members.first { $0.name.equals(name) }?.value : nil }
    }
    return record ?? read { _ in nil }
}
