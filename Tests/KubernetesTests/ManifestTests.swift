import Foundation
import JSON
import TestSupport
import Testing

@testable import Kubernetes

/// A folder of manifests, and what is told of it.
@Suite struct ManifestTests {
    private static func web(_ address: String = "10.96.0.10", name: String = "web") -> String {
        """
        apiVersion: v1
        kind: Service
        metadata: {name: \(name), namespace: shop}
        spec:
          clusterIP: \(address)
          ports: [{name: http, port: 80}]
        """
    }

    private static let slice = """
        {"apiVersion":"v1","kind":"List","items":[{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"web-a",
        "namespace":"shop","labels":{"kubernetes.io/service-name":"web"}},"addressType":"IPv4","ports":[{"name":"http","port":8080}],
        "endpoints":[{"addresses":["10.244.1.5"]}]}]}
        """

    private static func objects(_ text: String) throws -> [ClusterObject] {
        guard let tokenizer = JSONTokenizer() else { throw Failure("no tokenizer") }
        return try Manifest(Array(text.utf8), tokenizer).objects
    }

    @Test("Objects stand alone, in documents and in lists of any kind; what else there is counts for nothing")
    func forms() throws {
        let text = Self.web() + "\n---\napiVersion: apps/v1\nkind: Deployment\n---\nkind: Service\napiVersion: serving.knative.dev/v1\n"
        #expect(try Self.objects(text).map(\.key.description) == ["shop/web"])
        #expect(try Self.objects(Self.slice).map(\.kind) == [.endpointSlice])
        let recorded = String(decoding: try vector("streams/services.list.json"), as: UTF8.self)
        #expect(try Self.objects(recorded).count == 4, "a list says what its items are")
        #expect(try Self.objects("[\(Self.slice),\(Self.slice)]").count == 2)
        #expect(try Self.objects("apiVersion: v1\nkind: List\nitems: []\n") == [])
    }

    @Test("An object without a namespace is in the default one, and so is the service of a slice")
    func namespace() throws {
        let objects = try Self.objects(Self.slice.replacing("\"namespace\":\"shop\",", with: ""))
        #expect(objects.first?.asSlice?.key == ObjectKey(namespace: "default", name: "web-a"))
        #expect(objects.first?.asSlice?.service == ObjectKey(namespace: "default", name: "web"))
    }

    @Test("A text without objects, and what is none, cannot be read", arguments: ["", " \n", "# nothing", "{", "7", "a: b", "kind: 7"])
    func garbage(text: String) { #expect(throws: KubernetesError.self) { try Self.objects(text) } }

    @Test("Texts with bytes that are changed at random are read or refused, and what is read can be translated")
    func randomBytes() throws {
        var random = SeededGenerator(seed: 7)
        let tokenizer = try #require(JSONTokenizer())
        var (read, refused) = (0, 0)
        for round in 0..<300 {
            var text = Array((round % 2 == 0 ? Self.web() : Self.slice).utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<text.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text[place] = UInt8.random(in: 0...255, using: &random)
                case 1: text.remove(at: place)
                default: text.insert(contentsOf: text[place..<min(place + 9, text.count)], at: place)
                }
            }
            guard let objects = try? Manifest(text, tokenizer).objects else {
                refused += 1
                continue
            }
            read += 1
            let table = ClusterTable.of(objects.compactMap(\.asService), objects.compactMap(\.asSlice))
            #expect(table.services.count <= 1)
        }
        #expect(read > 20 && refused > 20)
    }

    @Test("A service without a cluster address is told that nothing allocates one")
    func noAddress() throws {
        let objects = try Self.objects(Self.web("''")) + Self.objects(Self.web("None", name: "headless"))
        let services = objects.compactMap(\.asService)
        let table = ClusterTable.of(services, [])
        #expect(table.faults(of: services[0].key) == ["spec.clusterIP: is missing; nothing here allocates one"])
        #expect(services[1].isHeadless && table.faults(of: services[1].key) == [])
    }

    /// A folder that is read by hand.
    private struct Reading {
        let folder: TemporaryFolder
        var manifests: ManifestFolder

        init() throws {
            folder = try TemporaryFolder()
            manifests = ManifestFolder(folder.path, try #require(JSONTokenizer()))
        }

        func write(_ text: String, _ name: String) throws { _ = try folder.write(text, to: name) }
        func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }
        func path(_ name: String) -> String { folder.file(name) }

        mutating func read() -> (changes: [ObjectChange], troubles: [String: String?]) {
            var (changes, troubles): ([ObjectChange], [String: String?]) = ([], [:])
            for update in manifests.read() {
                switch update {
                case .changes(let more): changes += more
                case .trouble(let place, let words): troubles[place] = .some(words)
                }
            }
            return (changes, troubles)
        }
    }

    @Test("The first reading tells all kinds, and the next ones only those that changed")
    func reading() throws {
        var reading = try Reading()
        try reading.write(Self.web(), "a.yaml")
        try reading.write(Self.web("10.96.0.11", name: "no"), ".hidden.yaml")
        try reading.write(Self.web("10.96.0.11", name: "no"), "a.yaml.bak")
        let first = reading.read().changes
        #expect(first.count == 4 && first.contains(.replace(.node, [])))
        #expect(reading.read().changes == [])
        try reading.write(Self.slice, "b.json")
        let second = reading.read().changes
        guard case .replace(.endpointSlice, let slices)? = second.first else { throw Failure("no slices") }
        #expect(slices.count == 1 && second.count == 1)
        try reading.remove("a.yaml")
        #expect(reading.read().changes == [.replace(.service, [])])
    }

    @Test("A file that cannot be read keeps what it had, says why, and ends that when it can")
    func broken() throws {
        var reading = try Reading()
        try reading.write(Self.web(), "a.yaml")
        #expect(reading.read().changes.count == 4)
        for text in ["a: [", ""] {
            try reading.write(text, "a.yaml")
            let broken = reading.read()
            #expect(broken.changes == [] && broken.troubles[reading.path("a.yaml")] != nil)
        }
        #expect(reading.read().troubles.isEmpty, "nothing is told twice")
        try reading.write(Self.web("10.96.0.12"), "a.yaml")
        let mended = reading.read()
        #expect(mended.changes.count == 1 && mended.troubles == [reading.path("a.yaml"): nil])
    }

    @Test("Nothing is told before every file could be read once; one that comes later costs only itself")
    func firstReading() throws {
        var reading = try Reading()
        try reading.write(Self.web(), "a.yaml")
        try reading.write("a: [", "b.yaml")
        #expect(reading.read().changes == [])
        try reading.write(Self.web("10.96.0.11", name: "b"), "b.yaml")
        #expect(reading.read().changes.count == 4)
        try reading.write("a: [", "c.yaml")
        try reading.write(Self.web("10.96.0.12"), "a.yaml")
        #expect(reading.read().changes.count == 1)
    }

    @Test("A folder that is not there tells nothing but that, and takes nothing back")
    func missingFolder() throws {
        var none = ManifestFolder("/nowhere", try #require(JSONTokenizer()))
        #expect(none.read() == [.trouble(about: "/nowhere", "the folder cannot be read: No such file or directory")])
        var reading = try Reading()
        try reading.write(Self.web(), "a.yaml")
        #expect(reading.read().changes.count == 4)
        let folder = reading.folder
        try FileManager.default.moveItem(atPath: folder.path, toPath: folder.path + "-away")
        defer { try? FileManager.default.removeItem(atPath: folder.path + "-away") }
        let gone = reading.read()
        #expect(gone.changes == [] && gone.troubles.count == 1)
    }

    @Test("An object that two files have counts once, and the second file says so")
    func doubles() throws {
        var reading = try Reading()
        try reading.write(Self.web(), "a.yaml")
        try reading.write(Self.web("10.96.0.99"), "b.yaml")
        let told = reading.read()
        #expect(told.troubles == [reading.path("b.yaml"): "Service shop/web is in a.yaml already, which counts"])
        guard case .replace(.service, let services)? = told.changes.first else { throw Failure("no services") }
        #expect(services.compactMap { $0.asService?.clusterAddresses } == [[ip("10.96.0.10")]])
    }

    @Test("A pipe, a folder and a link to nothing are no manifests")
    func strangeFiles() throws {
        var reading = try Reading()
        try reading.write(Self.web(), "a.yaml")
        #expect(reading.read().changes.count == 4)
        #expect(mkfifo(reading.path("b.yaml"), 0o600) == 0 && mkdir(reading.path("c.yaml"), 0o700) == 0)
        #expect(symlink("/nowhere", reading.path("d.yaml")) == 0)
        let told = reading.read()
        #expect(told.changes == [] && told.troubles.keys.sorted() == [reading.path("b.yaml"), reading.path("c.yaml")])
    }

    @Test("Files that are written, renamed and removed are seen at once, and a folder that comes later")
    func watched() async throws {
        let parent = try TemporaryFolder()
        let folder = parent.file("manifests")
        let record = Record<ClusterUpdate>()
        let source = try ManifestWatch.start(folder, record.add)
        func services() -> [String]? {
            record.all.reversed().lazy.compactMap { update -> [String]? in
                guard case .changes(let changes) = update else { return nil }
                return changes.lazy.compactMap { change -> [String]? in
                    guard case .replace(.service, let objects) = change else { return nil }
                    return objects.map(\.key.name).sorted()
                }.first
            }.first
        }
        try await eventually("the folder is missed") { record.all.count == 1 }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try await eventually("an empty folder") { services() == [] }
        try Data(Self.web().utf8).write(to: URL(fileURLWithPath: folder + "/a.yaml"))
        try await eventually("a file") { services() == ["web"] }
        _ = try parent.write(Self.web("10.96.0.11", name: "b"), to: "b.yaml")
        try FileManager.default.moveItem(atPath: parent.file("b.yaml"), toPath: folder + "/b.yaml")
        try await eventually("a renamed file") { services() == ["b", "web"] }
        // As a ConfigMap is changed: a link takes the place of another.
        _ = try parent.write(Self.web("10.96.0.12", name: "c"), to: "c.yaml")
        try FileManager.default.createSymbolicLink(atPath: folder + "/..link", withDestinationPath: parent.file("c.yaml"))
        #expect(rename(folder + "/..link", folder + "/b.yaml") == 0)
        try await eventually("a link") { services() == ["c", "web"] }
        try FileManager.default.removeItem(atPath: folder + "/a.yaml")
        try await eventually("a removed file") { services() == ["c"] }
        source.cancel()
        #expect(try await onThread { source.join(within: .seconds(60)) })
    }
}
