import Requests
import Testing

@testable import KeepalivedAPI

/// The requests of go_keepalived's clients, as they come.
@Suite struct MessageTests {
    @Test(arguments: [
        ("", "the request is not a JSON object of strings: "),
        ("x", "the request is not a JSON object of strings: "),
        ("{", "the request is not a JSON object of strings: "),
        ("[]", "the request is not a JSON object of strings: it is an array"),
        ("\"GetInfo\"", "the request is not a JSON object of strings: "),
        (#"{"Command": "GetInfo"} {}"#, "the request is not a JSON object of strings: "),
        (#"{"Command": 1}"#, "Command: 1 is not a string; all values are strings"),
        (#"{"Command": null}"#, "Command: null is not a string; all values are strings"),
        (#"{"Command": {"Command": "GetInfo"}}"#, "Command: "),
        (#"{"Command": "GetInfo", "Command": "GetInfo"}"#, "Command: appears twice; which one is meant?"),
        ("{\"VIP\": \"\(String(repeating: "x", count: 2049))\"}", "VIP: the value has 2049 bytes; it may have 2048"),
        ("{\"Command\": \"\u{1}\"}", "the request is not a JSON object of strings: "),
        (String(repeating: "[", count: 10_000), "the request is not a JSON object of strings: "),
        ("{}", "Command: is missing; it is what to do"),
        (#"{"Command": "getinfo"}"#, "Command: 'getinfo' is none of GetInfo, AddService, "),
        (#"{"Command": "GetInfo", "vip": "10.0.0.1"}"#, "vip: is no field of a request; the fields are Command, Digest, VIP, "),
    ])
    func whatIsNoRequestIsRefusedWithASentence(text: String, sentence: String) {
        let refusal = #expect(throws: Refusal.self) { try KeepalivedCommand(try KeepalivedMessage(Array(text.utf8))) }
        #expect(refusal?.code == .invalid && refusal?.sentence.hasPrefix(sentence) == true, "\(refusal?.sentence ?? "")")
    }

    @Test func aRequestThatIsNotUTF8IsRefused() {
        #expect(throws: Refusal.self) { try KeepalivedMessage(Array(#"{"Command": ""#.utf8) + [0xFF, 0xFE] + Array("\"}".utf8)) }
    }

    /// The digests were made by Python's hmac and hashlib, with the password "123", as go_keepalived's client makes them.
    @Test(arguments: [
        (
            #"{"Command": "GetInfo", "service": "192.168.1.1", "Digest": "#,
            "56f826afb237f153450ec1f5b5da2c995b7c958e1434324c2ead83b37d86c78e"
        ),
        (
            #"{"VIP": "[fc12:1::2]", "Port": "8080", "Proto": "tcp", "Command": "AddService", "Digest": "#,
            "d1a95a4f082da634852f22694c15e8023c6dd9e5ae9fdf430d90c0808d56a256"
        ),
    ])
    func theDigestIsThatOfGoKeepalivedsClient(text: String, digest: String) throws {
        func message(_ digest: String) throws -> KeepalivedMessage { try KeepalivedMessage(Array("\(text)\"\(digest)\"}".utf8)) }
        try message(digest).checkDigest(password: "123")
        try message(digest.uppercased()).checkDigest(password: "123")
        let wrong = ["", "x", String(digest.dropLast()), String(digest.dropLast(2)), digest + "00", String(digest.reversed())]
        for digest in wrong {
            #expect(throws: Refusal.self, "\(digest)") { try message(digest).checkDigest(password: "123") }
        }
        #expect(throws: Refusal.self) { try message(digest).checkDigest(password: "124") }
    }

    @Test func aRequestWithoutADigestIsRefusedWhereThereIsAPassword() throws {
        let message = try KeepalivedMessage(Array(#"{"Command": "GetInfo"}"#.utf8))
        let refusal = #expect(throws: Refusal.self) { try message.checkDigest(password: "123") }
        #expect(refusal?.sentence.hasPrefix("Digest: is missing") == true)
    }
}
