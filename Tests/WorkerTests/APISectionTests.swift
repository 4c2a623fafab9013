import DaemonSupport
import Glibc
import JobQueue
import TestSupport
import Testing

@testable import lbaas_worker

/// The section `[api]`.
@Suite struct APISectionTests {
    /// The mistakes that `--check-config` finds in a section with these lines.
    private func mistakes(_ lines: String...) throws -> [String] {
        let file = "[api]\n" + lines.joined(separator: "\n") + "\n"
        do {
            _ = try read(["--check-config", "--driver", "dummy"], file: file)
            return []
        } catch let failure as StartupFailure {
            return withoutFolder(failure).messages
        }
    }

    @Test func everyKeyIsRead() throws {
        let given = try settings(
            file: """
                [api]
                socket = none
                listen = [::1]:8780
                tls_cert = /c
                tls_key = /k
                tls_client_ca = /a
                tokens = /t
                keys = /s
                operators = lb, ops
                viewers = all
                keepalived_listen = localhost
                keepalived_password = s3cret
                """)
        let expected = APISettings(
            socket: nil, listen: JobServer(host: "::1", port: 8780), certificate: "/c", key: "/k", clientAuthorities: "/a", tokens: "/t",
            keys: "/s", operators: ["lb", "ops"], viewers: ["all"], keepalivedListen: JobServer(host: "localhost", port: 62307),
            keepalivedPassword: "s3cret")
        #expect(given.api == expected)
        #expect(try settings().api == APISettings())
    }

    @Test func aWorkerMayHaveNoJobServer() throws {
        #expect(try settings(file: "[gearman]\nservers =\n").servers == [])
        #expect(try settings(["--server", "a"], file: "[gearman]\nservers =\n").servers == [JobServer(host: "a", port: 4730)])
    }

    @Test(arguments: [
        ("socket = api.sock", "lbaas.conf:2: socket: 'api.sock' does not begin with a /; write the whole path"),
        (
            "socket = /nowhere/at/all/api.sock",
            "lbaas.conf:2: socket: the folder /nowhere/at/all cannot be written to: No such file or directory"
        ),
        (
            "listen = localhost:1",
            "lbaas.conf:2: listen: 'localhost' is not an IPv4 or IPv6 address; write ADDRESS:PORT, or [ADDRESS]:PORT for IPv6"
        ),
        ("tls_key = /missing.pem", "lbaas.conf:2: tls_key: /missing.pem cannot be read: No such file or directory"),
        ("tls_cert = /dev/null", "lbaas.conf:2: tls_cert: /dev/null cannot be read: it is not a regular file"),
        ("tls_client_ca = /missing.pem", "lbaas.conf:2: tls_client_ca: certificates of clients need tls_cert and tls_key"),
        ("tokens = /missing", "lbaas.conf:2: tokens: is for `listen`, which is not set"),
        (
            "operators = no-such-group",
            "lbaas.conf:2: operators: there is no group 'no-such-group'; create it, for instance with systemd-sysusers"
        ),
        (
            "viewers = no-such-group",
            "lbaas.conf:2: viewers: there is no group 'no-such-group'; create it, for instance with systemd-sysusers"
        ),
    ])
    func aMistakeIsNamedWithItsFileAndLine(line: String, message: String) throws {
        #expect(try mistakes(line).contains(message))
    }

    @Test func anAddressThatOthersReachNeedsTLSAndEveryListenerNeedsTokens() throws {
        let found = try mistakes("socket = none", "listen = 192.0.2.1:8780")
        #expect(found.count == 2)
        #expect(found.allSatisfy { $0.hasPrefix("lbaas.conf:3: listen: ") })
        #expect(found[0].contains("not a loopback address") && found[1].contains("neither `tokens` nor `keys`"))
    }

    @Test func goKeepalivedsAPIListensElsewhereThanOnLoopbackWithAPasswordAlone() throws {
        for address in ["127.0.0.1", "127.8.8.8:1", "[::1]", "localhost:62307"] {
            #expect(try mistakes("socket = none", "keepalived_listen = \(address)") == [], "\(address)")
        }
        for address in ["192.0.2.1", "0.0.0.0:62307", "[::]:62307"] {
            let found = try mistakes("socket = none", "keepalived_listen = \(address)")
            #expect(found.count == 1 && found[0].contains("not a loopback address, so keepalived_password is needed"), "\(address)")
            #expect(try mistakes("socket = none", "keepalived_listen = \(address)", "keepalived_password = x") == [], "\(address)")
        }
        let alone = "lbaas.conf:2: keepalived_password: is for `keepalived_listen`, which is not set"
        #expect(try mistakes("keepalived_password = x").contains(alone))
        #expect(try mistakes("keepalived_listen = lb.example").count == 1)
    }

    @Test func aMistakeInTheFileOfTokensIsNamedWithItsLine() throws {
        let folder = try TemporaryFolder()
        let tokens = try folder.write("# who may\nann viewer 00\nbob boss 11\n", to: "tokens")
        #expect(
            try mistakes("listen = 127.0.0.1:8780", "tokens = \(tokens)") == [
                "\(tokens):2: the hash of ann is not a SHA-256 in 64 hexadecimal digits",
                "\(tokens):3: the second word is not a role: viewer, operator or admin",
            ])
    }

    @Test func aFileOfKeysIsReadByWhoMayAlone() throws {
        let folder = try TemporaryFolder()
        let secret = "lbk_0123456789012345678901234567890123456789abc"
        let keys = try folder.write("ann viewer \(secret)\nbob viewer short\n", to: "keys")
        let lines = ["listen = 127.0.0.1:8780", "keys = \(keys)"]
        let short = "\(keys):2: the secret of bob is not of 32 to 255 characters of printable ASCII; `lbaasctl key new` makes one"
        #expect(chmod(keys, 0o644) == 0)
        #expect(
            try mistakes(lines[0], lines[1]) == [
                "lbaas.conf:3: keys: everybody may use \(keys), which has secrets; run chmod o= \(keys), and take new keys", short,
            ])
        #expect(chmod(keys, 0o640) == 0)
        #expect(try mistakes(lines[0], lines[1]) == [short])
        _ = try folder.write("ann viewer \(secret)\n", to: "keys")
        #expect(try mistakes("socket = none", lines[0], lines[1]) == [])
        #expect(try mistakes(lines[1]) == ["lbaas.conf:2: keys: is for `listen`, which is not set"])
    }

    @Test func filesThatAreNoCertificateAreRefused() throws {
        let folder = try TemporaryFolder()
        let (certificate, key) = (try folder.write("no", to: "cert.pem"), try folder.write("no", to: "key.pem"))
        let tokens = try folder.write("", to: "tokens")
        let found = try mistakes(
            "listen = 127.0.0.1:8780", "tokens = \(tokens)", "tls_cert = \(certificate)", "tls_key = \(key)")
        #expect(found.count == 1 && found[0].hasPrefix("lbaas.conf:4: tls_cert: the files of tls_cert, tls_key and tls_client_ca cannot"))
    }

    @Test func theDefaultSocketIsNoMistakeWhereItsFolderIsMissing() throws {
        #expect(try mistakes("socket = \(APISettings.defaultSocket)") == [])
    }

    private static let maps: [(map: String, groups: Set<UInt32>, isHidden: Bool)] = [
        ("         0          0 4294967295\n", [0, 1000, 65534], false), ("0 0 1\n998 998 1\n", [998], false),
        ("0 0 1\n998 998 1\n", [998, 1000], true), ("0 0 1\n", [1], true), ("", [1], false), ("x y z\n0 0\n", [1], false),
        ("0 0 18446744073709551615\n5 0 1\n", [1], true),
    ]

    @Test(arguments: maps)
    func groupsThatAUserNamespaceHidesAreTold(map: String, groups: Set<UInt32>, isHidden: Bool) {
        let objection = GroupAccess.objection(to: groups, map: map)
        #expect((objection?.contains("lbaas-worker-groups.conf") ?? false) == isHidden)
    }

    @Test func aFolderThatGroupsCannotEnterIsTold() throws {
        let folder = try TemporaryFolder()
        for (mode, isClosed) in [(0o755, false), (0o711, false), (0o750, true), (0o700, true)] {
            #expect(chmod(folder.path, mode_t(mode)) == 0)
            let objection = GroupAccess.objection(to: [4_000_000], folder: folder.path)
            #expect((objection?.contains("RuntimeDirectoryMode=0755") ?? false) == isClosed)
        }
        #expect(GroupAccess.objection(to: [1], folder: folder.file("missing")) == nil)
    }
}
