import Arguments
import HTTPClient
import HostSystem
import JSON
import Terminal

// Commands that print what is, once or as long as it changes.

extension Session {
    /// The path of a load balancer.
    func path(of id: String) -> String { "/v1/load-balancers/\(Reference.segment(for: id))" }

    /// Prints a resource; with `--watch` again whenever it has changed.
    func view(_ path: String, _ view: (JSONValue, String) -> Presentation) throws(CommandFailure) {
        try self.view { () throws(CommandFailure) in try present(try read(path), view) }
    }

    /// Prints what is read; with `--watch` again whenever it has changed.
    func view(_ load: () throws(CommandFailure) -> Presentation) throws(CommandFailure) {
        let first = try load()
        if !call.has("watch") { return try print(first) }
        if StandardOutput.isTerminal, form == .table || form == .wide {
            try watchInPlace(first, load)
        } else {
            try print(first)
            var last = first
            try watch { () throws(CommandFailure) in
                let now = try load()
                let lines = now.changes(since: last, form, StandardOutput.traits)
                try printing { () throws(StandardOutput.Failure) in try StandardOutput.write(lines: lines) }
                last = now
            }
        }
    }

    private func watchInPlace(_ first: Presentation, _ load: () throws(CommandFailure) -> Presentation) throws(CommandFailure) {
        let resize = ResizeSignal()
        var live = LiveView()
        var last = first
        func show() throws(CommandFailure) {
            let traits = StandardOutput.traits
            let frame = live.frame(last.lines(form, hasHeader: !call.has("no-headers"), traits), traits)
            try printing { () throws(StandardOutput.Failure) in try StandardOutput.write(frame) }
        }
        try show()
        try watch([resize.descriptor]) { () throws(CommandFailure) in
            resize.clear()
            last = try load()
            try show()
        }
    }

    /// Does something whenever something has happened, until the time is over. Events that come together count as one.
    private func watch(_ descriptors: [Int32] = [], _ body: () throws(CommandFailure) -> Void) throws(CommandFailure) {
        let end = timeout.map { Deadline(in: $0) }
        let follower = try EventFollower(client, watching: descriptors)
        while true {
            switch try follower.next(until: end) {
            case .timedOut: return
            case .interrupted(let reason): note("\(reason); connecting again")
            case .connected, .event, .other:
                // What comes in the next moment is in the same answer. That bounds how often a busy worker is asked.
                let settled = Deadline(in: .milliseconds(50))
                while !settled.isOver, case .event = try follower.next(until: settled) {}
                do throws(CommandFailure) {
                    try body()
                } catch  where error.status == .unavailable {
                    note("\(error.sentence); trying again")
                }
            }
        }
    }

    /// Prints what happens, until the time is over.
    func events() throws(CommandFailure) {
        let since = call["since"]
        if let since, UInt64(since) == nil { throw CommandFailure(.usage, "--since: '\(since)' is not the number of an event") }
        let end = timeout.map { Deadline(in: $0) }
        let follower = try EventFollower(client, after: since)
        while true {
            switch try follower.next(until: end) {
            case .timedOut: return
            case .interrupted(let reason): note("\(reason); connecting again")
            case .connected, .other: break
            case .event(let event): try print(event)
            }
        }
    }

    private func print(_ event: ServerSentEvent) throws(CommandFailure) {
        let answer = Answer(status: 200, body: Array(event.data.utf8))
        let traits = StandardOutput.traits
        let line: String
        switch form {
        case .table, .wide:
            let text = try? client.read(answer) { eventLine(event.event, $0.isObject ? $0 : nil, traits) }
            line = text ?? eventLine(event.event, nil, traits)
        case .json, .jsonl:
            let isObject = (try? client.read(answer) { $0.isObject }) ?? false
            let id = event.id.map { ", \"id\": \(JSONWriting.string($0))" } ?? ""
            line =
                "{\"event\": \(JSONWriting.string(event.event))\(id), \"data\": \(isObject ? event.data : JSONWriting.string(event.data))}"
                .singleLine
        case .name: line = event.id.map { Reference.word(for: $0) } ?? "-"
        }
        try printing { () throws(StandardOutput.Failure) in try StandardOutput.write(lines: [line]) }
    }

    /// Prints the metrics as they are; on a terminal without what it would act on.
    func metrics() throws(CommandFailure) {
        let answer = try read("/metrics")
        try printing { () throws(StandardOutput.Failure) in
            if StandardOutput.isTerminal { try StandardOutput.write(answer.text.safeLines) } else { try StandardOutput.write(answer.body) }
        }
    }

    /// Prints why something is as it is.
    func why(_ word: String) throws(CommandFailure) {
        let (id, node) = try subject(of: word)
        let path = "/v1/why/\(Reference.segment(for: id))" + (node.map { "/\(Reference.segment(for: $0))" } ?? "")
        let name = node.map { "\(id)/\($0)" } ?? id
        try view(path) { root, json in whyView(name, root, json) }
    }

    /// The ids of a word `ID/NODE`, where the load balancer may have slashes in its own, as those of Kubernetes have.
    private func subject(of word: String) throws(CommandFailure) -> (loadBalancer: String, node: String?) {
        guard word.utf8.count(where: { $0 == UInt8(ascii: "/") }) > 1, let last = word.lastIndex(of: "/") else {
            return Reference.ids(of: word)
        }
        let (whole, before) = (Reference.id(of: word), Reference.id(of: word[..<last]))
        for (id, node) in [(whole, nil), (before, Reference.id(of: word[word.index(after: last)...]))] where try isThere(id) {
            return (id, node)
        }
        return Reference.ids(of: word)
    }

    private func isThere(_ id: String) throws(CommandFailure) -> Bool {
        try client.send("GET", "/v1/load-balancers/\(Reference.segment(for: id))", within: timeout ?? Self.limits.read).status == 200
    }
}

extension Session {
    /// Prints where the appliance runs something else than it should.
    ///
    /// - Returns: whether it does anywhere.
    func differences() throws(CommandFailure) -> ExitStatus {
        let ids = try client.read(try read("/v1/load-balancers")) { $0.elements(of: "loadBalancers").map(\.id) }
        var table = TextTable([.init("ID", mayShrink: true), .init("DIFFERENCE", mayShrink: true)])
        var (items, names): ([String], [String]) = ([], [])
        for id in ids {
            let answer: Answer
            do throws(CommandFailure) {
                answer = try read("/v1/why/\(Reference.segment(for: id))")
            } catch  where error.status == .failed {
                // Deleted since the list was read, or it cannot be asked for now.
                note("\(id): \(error.sentence)")
                continue
            }
            let steps = try client.read(answer) { $0.elements(of: "differs").compactMap(\.string) }
            if steps.isEmpty { continue }
            names.append(Reference.word(for: id))
            items.append("{\"id\": \(JSONWriting.string(id)), \"differs\": \(JSONWriting.list(steps.map(JSONWriting.string)))}")
            table.rows += steps.map { [.init(Reference.word(for: id)), .init($0)] }
        }
        let json = "[\(items.joined(separator: ",\n"))]"
        if !table.rows.isEmpty || form == .json {
            try print(Presentation(json: json, items: items, names: names, parts: [.table(table)], isList: true))
        }
        return call.has("exit-code") && !items.isEmpty ? .changes : .done
    }
}
