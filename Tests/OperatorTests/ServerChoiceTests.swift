import Glibc
import TestSupport
import Testing

@testable import lbaasctl

/// The choice by options and an environment.
private func choice(_ options: [String: String] = [:], _ environment: [String: String] = [:]) throws -> ServerChoice {
    try ServerChoice({ options[$0] }, environment: { environment[$0] })
}

@Suite struct ServerChoiceTests {
    @Test func theSocketIsTheDefaultAndOptionsWinOverTheEnvironment() throws {
        #expect(try choice().socket == "/run/lbaas/api.sock")
        #expect(try choice([:], ["LBAAS_SERVER": ""]).socket == "/run/lbaas/api.sock")
        #expect(try choice([:], ["LBAAS_SERVER": "https://h:1"]).base == "https://h:1")
        #expect(try choice(["server": "https://g/"], ["LBAAS_SERVER": "https://h:1"]).base == "https://g")
        #expect(try choice(["socket": "/s"], ["LBAAS_SERVER": "https://h:1"]).socket == "/s")
    }

    @Test(arguments: [
        ["socket": "/s", "server": "https://h"], ["server": "h:80"], ["server": "https://h/path"],
        ["socket": String(repeating: "x", count: 108)],
        ["ca": "/ca.pem"], ["signing-key": "/key"],
    ])
    func aWrongChoiceIsAMistakeOfTheCommandLine(options: [String: String]) {
        let failure = #expect(throws: CommandFailure.self) { try choice(options) }
        #expect(failure?.status == .usage)
    }

    @Test func theTokenIsReadFromAFileOfItsOwnerAlone() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("lbaas") + "/token"
        #expect(mkdir(folder.file("lbaas"), 0o700) == 0)
        let environment = ["XDG_CONFIG_HOME": folder.path, "HOME": "/nonexistent"]
        #expect(try choice(["server": "https://h"], environment).token == nil)
        _ = try folder.write("lbt_secret\n", to: "lbaas/token")
        for mode in [0o644, 0o660, 0o601] as [mode_t] {
            #expect(chmod(path, mode) == 0)
            let failure = #expect(throws: CommandFailure.self) { try choice(["server": "https://h"], environment) }
            #expect(failure?.status == .usage && failure?.sentence.contains("chmod 600") == true)
        }
        #expect(chmod(path, 0o600) == 0)
        #expect(try choice(["server": "https://h"], environment).token == "lbt_secret")
        #expect(try choice(["server": "https://h"], ["HOME": folder.path]).token == nil)
        // A socket needs none.
        #expect(try choice([:], environment).token == nil)
    }

    @Test func aTokenIsSentWithoutTLSToThisHostAlone() throws {
        let folder = try TemporaryFolder()
        #expect(mkdir(folder.file("lbaas"), 0o700) == 0)
        #expect(chmod(try folder.write("t", to: "lbaas/token"), 0o600) == 0)
        let environment = ["XDG_CONFIG_HOME": folder.path]
        for host in ["127.0.0.1", "127.9.8.7:80", "[::1]:8780", "localhost"] {
            #expect(try choice(["server": "http://\(host)"], environment).token == "t")
        }
        for host in ["10.0.0.1", "host", "127.0.0.1.evil", "[::2]"] {
            #expect(throws: CommandFailure.self, "\(host)") { try choice(["server": "http://\(host)"], environment) }
        }
    }

    @Test(arguments: ["", "two words", "nul\u{0}", "é"])
    func aFileWithoutATokenIsRefused(text: String) throws {
        let folder = try TemporaryFolder()
        #expect(mkdir(folder.file("lbaas"), 0o700) == 0)
        #expect(chmod(try folder.write(text, to: "lbaas/token"), 0o600) == 0)
        let failure = #expect(throws: CommandFailure.self) { try choice(["server": "https://h"], ["XDG_CONFIG_HOME": folder.path]) }
        #expect(failure?.status == .usage)
    }

    @Test func aKeyIsReadFromAFileOfItsOwnerAloneAndSentInPlaceOfTheToken() throws {
        let folder = try TemporaryFolder()
        let secret = String(repeating: "s", count: 40)
        let path = try folder.write("ann \(secret)\n", to: "key")
        let options = ["server": "http://h", "signing-key": path]
        #expect(chmod(path, 0o640) == 0)
        let failure = #expect(throws: CommandFailure.self) { try choice(options) }
        #expect(failure?.status == .usage && failure?.sentence.contains("chmod 600") == true)
        #expect(chmod(path, 0o600) == 0)
        let server = try choice(options)
        #expect(server.signingKey?.name == "ann" && server.token == nil)
        let fields = server.fields(of: "PUT", "/v1/a?x=1", [1])
        #expect(
            fields.contains { $0.hasPrefix("Signature-Input: lbaas=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")") })
        #expect(fields.contains { $0.hasPrefix("Content-Digest: sha-256=:") } && !fields.contains { $0.contains(secret) })
        for text in ["", "ann", "ann short", "ann \(secret) more"] {
            _ = try folder.write(text, to: "key")
            #expect(throws: CommandFailure.self, "\(text)") { try choice(options) }
        }
        #expect(throws: CommandFailure.self) { try choice(["server": "http://h", "signing-key": folder.file("missing")]) }
    }
}
