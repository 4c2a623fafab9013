import JSON
import TestSupport
import Testing

@testable import Kubernetes

/// YAML as Kubernetes has it, made into JSON.
@Suite struct YAMLTests {
    private static func json(_ text: String) throws -> [String] {
        try YAMLText.documents(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        "Scalars are what they look like, and texts in quotes",
        arguments: [
            ("80", "80"), ("-1", "-1"), ("1.5e3", "1.5e3"), ("true", "true"), ("False", "false"), ("~", "null"), ("", "null"),
            ("\"80\"", "\"80\""), ("'true'", "\"true\""), ("yes", "\"yes\""), ("0644", "\"0644\""), ("1.", "\"1.\""), ("0x1F", "\"0x1F\""),
            (".5", "\".5\""), ("1e", "\"1e\""), ("10.96.0.10", "\"10.96.0.10\""), ("\"a\\n\\\"b\\\"\"", "\"a\\n\\\"b\\\"\""),
            ("ünïcode", "\"ünïcode\""),
        ])
    func scalars(yaml: String, json: String) throws {
        #expect(try Self.json("a: \(yaml)\n") == ["{\"a\":\(json)}"])
    }

    @Test("Lists, objects, blocks of text, aliases and several documents")
    func structure() throws {
        let text = """
            # a comment
            items: [1, two, {three: 3}]
            block: |
              one
              two
            same: &name {x: y}
            again: *name
            ---
            ---
            - a
            -
            ...
            """
        #expect(
            try Self.json(text) == [
                "{\"items\":[1,\"two\",{\"three\":3}],\"block\":\"one\\ntwo\\n\",\"same\":{\"x\":\"y\"},\"again\":{\"x\":\"y\"}}",
                "[\"a\",null]",
            ])
        #expect(try Self.json("") == [] && Self.json("# nothing\n") == [])
    }

    @Test(
        "What cannot be read is refused with its line",
        arguments: [
            ("a: [1\n", "line "), ("a: 1\na: 2\n", "line 2: has the name 'a' twice"), ("a:\n  ? [x]\n  : 1\n", "line 2: is not a name"),
            ("a: !!binary aGk=\n", "line 1: has the tag tag:yaml.org,2002:binary"), ("a: &a\n  b: *a\n", "nested too deeply"),
            ("a: \u{1}\n", "control characters"), ("\ta: 1\n", "line 1"),
        ])
    func refusals(text: String, words: String) throws {
        let error = try #require(throws: KubernetesError.self) { try Self.json(text) }
        #expect(error.code == .invalidText && error.message.contains(words), "\(error)")
    }

    @Test("Bytes that are no UTF-8, deep nesting and aliases of aliases do no harm")
    func harm() {
        #expect(throws: KubernetesError.self) { try YAMLText.documents([0x61, 0x3A, 0x20, 0xFF, 0xFE]) }
        #expect(throws: KubernetesError.self) { try Self.json(String(repeating: "[", count: 5000)) }
        #expect(throws: KubernetesError.self) { try Self.json(String(repeating: "[", count: 200) + String(repeating: "]", count: 200)) }
        let level = { (name: String, of: String) in "\(name): &\(name) [\(Array(repeating: "*\(of)", count: 100).joined(separator: ","))]\n"
        }
        let bomb = "a: &a [x]\n" + level("b", "a") + level("c", "b") + level("d", "c") + level("e", "d")
        #expect(throws: KubernetesError.self) { try YAMLText.documents(Array(bomb.utf8), largest: 100_000) }
    }
}
