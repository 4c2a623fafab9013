import Foundation
import HTTPClient
import JSON
import TestSupport
import Testing

@testable import Kubernetes

/// What a real API server sent, by the way that it takes from bytes to the table.
@Suite struct StreamTests {
    private static let kinds: [(kind: ObjectKind, name: String)] = [
        (.service, "services"), (.endpointSlice, "endpointslices"), (.node, "nodes"), (.serviceRange, "servicecidrs"),
    ]

    /// A server that has a list and what happened after it, and a client that may lose its connection at any byte.
    private struct Replay {
        let tokenizer: JSONTokenizer
        let kind: ObjectKind
        let list: [UInt8]
        let lines: [[UInt8]]
        var random: SeededGenerator
        var machine: ListWatch
        var changes: [ObjectChange] = []
        /// How often the connection was lost, and how often all was listed.
        var cuts = 0
        var lists = 0

        init(_ kind: ObjectKind, _ name: String, seed: UInt64) throws {
            tokenizer = try #require(JSONTokenizer())
            self.kind = kind
            list = Array(try vector("streams/\(name).list.json"))
            // Nothing was recorded of ranges but their list.
            lines = kind == .serviceRange ? [] : try vectorLines("streams/\(name).watch.jsonl").map { Array($0) }
            random = SeededGenerator(seed: seed)
            machine = ListWatch(kind)
        }

        /// Runs until the last line was told, with so many losses in between.
        mutating func run(cuts most: Int) throws {
            var actions = machine.handle(.start, now: .zero, share: 0)
            var now = Duration.zero
            while let action = actions.popFirst() {
                now += .seconds(1)
                switch action {
                case .list:
                    lists += 1
                    actions += machine.handle(.page(try tokenizer.page(list, of: kind)), now: now, share: 0)
                case .watch(let version, _):
                    if let next = try watch(after: version, now: now, mayCut: cuts < most, &actions) {
                        actions += machine.handle(next, now: now, share: 0)
                    }
                case .wait:
                    now = machine.deadline ?? now
                    actions += machine.handle(.due, now: now, share: 0)
                case .publish(let more): changes += more
                case .renewCredentials, .report: break
                }
            }
        }

        /// Sends what happened after a version, in pieces. Nil where all was sent: then nothing happens any more.
        private mutating func watch(
            after version: String, now: Duration, mayCut: Bool, _ actions: inout [ListWatch.Action]
        ) throws -> ListWatch.Event? {
            let versions = try lines.map { try lineVersion($0) }
            // Of lines with one version, as bookmarks are, all are sent again.
            let start = versions.firstIndex { Int($0) ?? 0 > Int(version) ?? 0 } ?? lines.count
            let bytes = lines[start...].flatMap { (line: [UInt8]) -> [UInt8] in line + [0x0A] }
            var rest = bytes[...]
            if mayCut {
                cuts += 1
                rest = bytes.prefix(Int.random(in: 0...bytes.count, using: &random))
            }
            var reader = LineReader()
            var buffer: [UInt8] = []
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...2000, using: &random))
                rest = rest.dropFirst(piece.count)
                buffer += piece
                for line in reader.lines(in: &buffer) {
                    actions += machine.handle(.line(try tokenizer.line(line, of: kind)), now: now, share: 0)
                }
            }
            if !mayCut { return nil }
            switch Int.random(in: 0..<4, using: &random) {
            case 0: return .ended
            case 1: return .refused(Refusal(status: 410, message: "too old"))
            case 2: return .refused(Refusal(status: 504, message: "too new", retryAfter: 1))
            default: return .failed("reset")
            }
        }

        private func lineVersion(_ line: [UInt8]) throws -> String {
            switch try tokenizer.line(line, of: kind) {
            case .put(_, let version), .delete(_, let version), .bookmark(let version): version
            case .refusal: throw Failure("a refusal was recorded")
            }
        }
    }

    private static func table(seed: UInt64, cuts: Int) throws -> (table: ClusterTable, lists: Int) {
        var table = ClusterTable(options: TranslationOptions(nodeName: "n1"), host: HostFacts(addresses: [ip("192.0.2.11")]))
        var lists = 0
        for (kind, name) in kinds {
            var replay = try Replay(kind, name, seed: seed)
            try replay.run(cuts: cuts)
            for change in replay.changes { _ = table.apply([change]) }
            lists += replay.lists
        }
        return (table, lists)
    }

    @Test("What was recorded ends in the services that the API server had at its end")
    func recorded() throws {
        let (table, lists) = try Self.table(seed: 1, cuts: 0)
        #expect(lists == 4 && table.isComplete)
        let owners = Set(table.services.values.map(\.owner.description))
        #expect(owners == ["default/kubernetes", "shop/lb", "shop/web"])
        #expect(table.edge.contains(.address(range("10.96.0.0/16"))) && table.edge.contains(.podRange(range("10.244.1.0/24"))))
        #expect(table.services.values.allSatisfy { $0.servers.isEmpty }, "its slice was deleted")
        #expect(table.fault == nil)
    }

    @Test("Connections that are lost anywhere, and lists in between, end in the same", arguments: 1...12)
    func cuts(seed: UInt64) throws {
        let (table, lists) = try Self.table(seed: seed, cuts: 8)
        #expect(lists > 4)
        #expect(table.result == (try Self.table(seed: 1, cuts: 0)).table.result)
    }

    @Test("A version that is too old is an error in the stream")
    func expired() throws {
        let tokenizer = try #require(JSONTokenizer())
        let line = try tokenizer.line(Array(try vector("streams/services.watch410.jsonl").dropLast()), of: .service)
        #expect(line == .refusal(Refusal(status: 410, message: "too old resource version: 230 (11103)")))
    }

    @Test("A list as a stream is the objects, and a bookmark at its end")
    func watchList() throws {
        let tokenizer = try #require(JSONTokenizer())
        let lines = try vectorLines("streams/services.watchlist.jsonl").map { try tokenizer.line(Array($0), of: .service) }
        let names = lines.compactMap { line in if case .put(let object, _) = line { object.key.name } else { nil } }
        #expect(names == ["kubernetes", "db", "dns", "web"] && lines.last == .bookmark(version: "217"))
    }

    @Test("A page says what the next one is asked for with")
    func page() throws {
        let tokenizer = try #require(JSONTokenizer())
        // The status of the answer was recorded behind the text.
        let text = try #require(try vectorLines("streams/list.continue-expired.json").first)
        let page = try tokenizer.page(Array(text), of: .service)
        #expect(page.version == "30339" && page.continuing?.hasPrefix("eyJ2IjoibWV0YS5rOHMuaW8vdjEi") == true)
        #expect(page.objects.count == 500 && page.objects.allSatisfy { $0.asService?.ports.count == 1 })
    }

    @Test("What is no list, no event or of another kind cannot be read")
    func garbage() throws {
        let tokenizer = try #require(JSONTokenizer())
        for text in ["", "{", "[]", "{}", "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\"}}", "{\"kind\":\"ServiceList\"}"] {
            #expect(throws: KubernetesError.self) { try tokenizer.page(Array(text.utf8), of: .service) }
            #expect(throws: KubernetesError.self) { try tokenizer.line(Array(text.utf8), of: .service) }
        }
        let pod = "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\"}}}"
        #expect(throws: KubernetesError.self) { try tokenizer.line(Array(pod.utf8), of: .service) }
        #expect(tokenizer.refusal(Array("<html>".utf8), status: 502) == Refusal(status: 502, message: "<html>"))
    }
}

extension Array {
    /// Takes the first out; nil where there is none.
    fileprivate mutating func popFirst() -> Element? { isEmpty ? nil : removeFirst() }
}
