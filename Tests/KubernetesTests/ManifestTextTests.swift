import LBaaS
import TestSupport
import Testing

@testable import Kubernetes

/// The objects of a text that was kept, by kind, as they are read of it in parts of so many bytes.
private func kept(_ text: [UInt8], inPartsOf size: Int = 1000) throws -> [ObjectChange] {
    var reader = try ManifestText.Reader()
    var objects: [ObjectKind: [ClusterObject]] = [:]
    for start in stride(from: 0, to: text.count, by: size) {
        try reader.read(text[start..<min(text.count, start + size)]) { objects[$0.kind, default: []].append($0) }
    }
    try reader.end()
    return ObjectKind.allCases.map { .replace($0, objects[$0] ?? []) }
}

/// What is kept of a table.
private func keptText(of table: ClusterTable) -> [UInt8] {
    var text: [UInt8] = []
    ManifestText.write(table, inPartsOf: 500) { text += $0 }
    return text
}

/// What is kept of a table that has one object.
private func keptText(of object: ClusterObject) -> [UInt8] {
    var table = ClusterTable(options: TranslationOptions(nodeName: "n1"))
    table.restore(object)
    return keptText(of: table)
}

@Suite("Objects that are kept over a restart") struct ManifestTextTests {
    @Test("come to the same services as before", arguments: 0..<20)
    func sameServices(seed: Int) throws {
        var cluster = RandomCluster(seed: UInt64(seed))
        var table = ClusterTable(options: TranslationOptions(nodeName: "n1"), host: HostFacts(addresses: [ip("192.0.2.11")]))
        _ = table.apply(cluster.lists())
        for _ in 0..<30 { _ = table.apply([cluster.change()]) }
        var again = ClusterTable(options: TranslationOptions(nodeName: "n1"), host: HostFacts(addresses: [ip("192.0.2.11")]))
        _ = again.apply(try kept(keptText(of: table)))
        #expect(again.services == table.services)
        #expect(again.edge == table.edge)
        #expect(again.healthPorts == table.healthPorts)
        #expect(!table.services.isEmpty)
        // One after another they come to the same.
        var restored = ClusterTable(options: TranslationOptions(nodeName: "n1"), host: HostFacts(addresses: [ip("192.0.2.11")]))
        table.forEachObject { restored.restore($0) }
        restored.endRestoring()
        #expect(restored.services == table.services && restored.edge == table.edge)
        #expect(restored.everyService.count { table[$0.listener] == $0 } == table.services.count)
        #expect(restored.apply([]) != nil && restored.services == table.services)
    }

    @Test("come to the same services in each case of kube-proxy", arguments: try CaseTests.cases())
    func cases(_ given: CaseTests.Case) throws {
        let table = try CaseTests.table(of: given)
        let again = try CaseTests.table(of: given, objects: kept(keptText(of: table)))
        #expect(again.services == table.services)
        #expect(again.edge == table.edge)
    }

    @Test("say of a Node that it leaves", arguments: [true, false])
    func leavingNode(isLeaving: Bool) throws {
        let leaving = node { $0.isLeaving = isLeaving }
        let changes = try kept(keptText(of: .node(leaving)))
        #expect(changes.contains(.replace(.node, [.node(leaving)])))
    }

    @Test("are refused where they are no objects")
    func damage() throws {
        let whole = keptText(of: .service(service()))
        #expect(try kept(whole).contains(.replace(.service, [.service(service())])))
        let manifest = Array("{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[]}\n".utf8)
        for text in [[], Array(whole.dropLast(3)), whole + whole, manifest, whole.filter { $0 != UInt8(ascii: "\n") }] {
            #expect(throws: KubernetesError.self) { try kept(text) }
        }
    }

    @Test("come to the same services again, or to a sentence, however a text is mutilated", arguments: 0..<10)
    func mutilated(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let texts = try CaseTests.cases().shuffled(using: &random).prefix(4).map { given in
            keptText(of: try CaseTests.table(of: given))
        }
        let words = ["null", "-1", "65536", "\"\"", "{}", "[]", "1e400", "true", "\"10.0.0.1/33\"", "\"::ffff:10.0.0.1\"", "\u{0}"]
        var read = 0
        for round in 0..<150 {
            var text = texts[round % texts.count]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<text.count, using: &random)
                let end = min(text.count, place + Int.random(in: 0...12, using: &random))
                switch Int.random(in: 0..<4, using: &random) {
                case 0: text.replaceSubrange(place..<end, with: Array(words.randomElement(using: &random)!.utf8))
                case 1: text.removeSubrange(place..<end)
                case 2: text[place] = .random(in: 0...255, using: &random)
                default: text.insert(contentsOf: text[place..<end], at: place)
                }
            }
            guard let changes = try? kept(text) else { continue }
            read += 1
            var table = ClusterTable(options: TranslationOptions(nodeName: "n1"))
            _ = table.apply(changes)
            var again = ClusterTable(options: TranslationOptions(nodeName: "n1"))
            _ = again.apply(try kept(keptText(of: table)))
            #expect(again.services == table.services)
            #expect(again.edge == table.edge)
        }
        #expect(read > 0)
    }

    @Test("keep nobody out whose range could not be read, and let nobody in")
    func unreadableRange() throws {
        var closed = service { $0.kind = .loadBalancer }
        (closed.balancerAddresses, closed.sourceRanges) = ([ip("203.0.113.7")], [])
        let changes = try kept(keptText(of: .service(closed)))
        guard case .replace(_, let objects) = changes[0] else { throw Failure("no services") }
        #expect(objects.first?.asService?.sourceRanges == [])
    }
}

@Suite("The time that an object tells") struct TriggerTimeTests {
    @Test("is read to the microsecond, also of leap days and the years around")
    func times() {
        #expect(TriggerTime.read("1970-01-01T00:00:00Z") == Timestamp(microseconds: 0))
        #expect(TriggerTime.read("2026-11-28T10:00:01.5Z")?.text == "2026-11-28T10:00:01.500Z")
        for text in ["2024-02-29T23:59:59.999Z", "2000-03-01T00:00:00.000Z", "2023-12-31T12:34:56.789Z", "2100-02-28T01:02:03.004Z"] {
            #expect(TriggerTime.read(text)?.text == text)
        }
        #expect(TriggerTime.read("2026-11-28T10:00:01.123456789Z")?.microseconds ?? 0 > 0)
    }

    @Test(
        "is none where it is written otherwise",
        arguments: [
            "", "Z", "2026-11-28", "2026-11-28T10:00:00", "2026-13-28T10:00:00Z", "2026-11-28T10:00:00.Z", "2026-11-28 10:00:00Z",
            "2026-11-2xT10:00:00Z",
        ])
    func others(_ text: String) { #expect(TriggerTime.read(text) == nil) }
}
