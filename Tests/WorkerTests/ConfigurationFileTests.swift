import DaemonSupport
import Foundation
import Glibc
import KnownDrivers
import JobQueue
import LBaaS
import TestSupport
import Testing

@testable import lbaas_worker

@Suite struct ConfigurationFileTests {
    @Test func keysSetTheirSettings() throws {
        let given = try settings(
            file: """
                ; a comment
                [DEFAULT]
                log_level = warning ; inline
                [gearman]
                function: lb7
                keepalive = no
                keepidle = 1.5
                keepintvl = 2
                keepcnt = 3
                [worker]
                state_dir = none
                """)
        #expect(given.logLevel == .warning)
        #expect(given.function == "lb7")
        #expect(given.heartbeat == Heartbeat(isOn: false, idle: 1.5, interval: 2, count: 3))
        #expect(given.stateDirectory == nil)
    }

    @Test(arguments: [
        "servers = a:1, b [::1]:2,",
        "servers = a:1\n   b\n\t[::1]:2",
        "servers =\n  a:1, ; the first\n\n # the others\n  b\n  [::1]:2 ; the last",
    ])
    func aListOfServersMayGoOnOverSeveralLines(text: String) throws {
        let expected = [JobServer(host: "a", port: 1), .init(host: "b", port: 4730), .init(host: "::1", port: 2)]
        #expect(try settings(file: "[gearman]\n\(text)\nconcurrency = 2\n").servers == expected)
    }

    @Test func theCommandLineWins() throws {
        let file = "[gearman]\nconcurrency = 2\nreconnect_sleep = 3\nservers = a b\n[worker]\ndriver = nope\n"
        let given = try settings(["--concurrency", "5", "--server", "c"], file: file)
        #expect(given.concurrency == 5)
        #expect(given.reconnectSleep == 3)
        #expect(given.servers == [JobServer(host: "c", port: 4730)])
        #expect(given.driver == "dummy")
    }

    @Test(arguments: [
        ("[gearman]\n\nconcurrency = x", "lbaas.conf:3: concurrency: 'x' is not a whole number from 1 to 1024"),
        (
            "[gearman]\nservers = a,\n  b:0\n  c",
            "lbaas.conf:3: servers: 'b:0' does not end in a port from 1 to 65535; write HOST:PORT, or [ADDRESS]:PORT for IPv6"
        ),
        ("[health]\nprograms =\n", "lbaas.conf:2: programs: no value; write one PATH or several"),
        (
            "[DEFAULT]\nuser =\n",
            "lbaas.conf:2: user: '' is empty or has control characters in it; leave the setting out to get its default"
        ),
        (
            "[DEFAULT]\nloglevel = info",
            "lbaas.conf:2: 'loglevel' is not a key of [DEFAULT]; its keys are log_level, log_format, user, group"
        ),
        (
            "# x\n[gearmen]\n",
            "lbaas.conf:2: [gearmen] is not a section; the sections are [DEFAULT], [worker], [gearman], [health], [cluster], [api], [metrics], \(driverSections)"
        ),
        (
            "[gearman]\n[]",
            "lbaas.conf:2: [] is not a section; the sections are [DEFAULT], [worker], [gearman], [health], [cluster], [api], [metrics], \(driverSections)"
        ),
        (
            "[worker:vrrp]\nx = 1",
            "lbaas.conf:1: [worker:vrrp] is not a section; the sections are [DEFAULT], [worker], [gearman], [health], [cluster], [api], [metrics], \(driverSections)"
        ),
        ("\nconcurrency = 2\n", "lbaas.conf:2: concurrency stands before the first section; put it below the section that it belongs to"),
        (
            "[gearman]\nconcurrency = 2\nfunction = a\nconcurrency = 2\n",
            "lbaas.conf:4: concurrency is given twice in [gearman], first on line 2; keep one of them"
        ),
        (
            "[gearman]\nconcurrency = 2\n[gearman]\nconcurrency = 2\n",
            "lbaas.conf:4: concurrency is given twice in [gearman], first on line 2; keep one of them"
        ),
        ("[gearman]\nconcurrency\n", "lbaas.conf:2: this is neither [section] nor key = value"),
        ("[gearman]\n[worker\n", "lbaas.conf:2: this is neither [section] nor key = value"),
        ("[gearman] concurrency = 2\n", "lbaas.conf:1: nothing but a comment may follow a [section] on its line"),
        (
            "[gearman]\nfunction = a\n  b\n",
            "lbaas.conf:3: a line that begins with a blank continues the one above, but function takes one value only"
        ),
        (
            "[gearman]\n  function = a\n  keepcnt = 3\n",
            "lbaas.conf:3: this line begins with a blank, so that it continues the value of function, line 2; to set keepcnt, take away the "
                + "blanks before it"
        ),
        (
            "[gearman]\nservers = a\n  [::1]:7\n [worker]\n",
            "lbaas.conf:4: this line begins with a blank, so that it continues the value of servers, line 2; to begin [worker], take away "
                + "the blanks before it"
        ),
        (
            "[gearman]\nconcurrency = 4 # four",
            "lbaas.conf:2: concurrency: a # behind a value begins no comment and would be part of the value; write a blank and a semicolon "
                + "before the comment, or put it on a line of its own that begins with #"
        ),
        (
            "[gearman]\nservers = a\n  b # the second",
            "lbaas.conf:3: servers: a # behind a value begins no comment and would be part of the value; write a blank and a semicolon "
                + "before the comment, or put it on a line of its own that begins with #"
        ),
        (
            "[worker:haproxy]\nprogram = /usr/sbin/haproxy # ours",
            "lbaas.conf:2: program: a # behind a value begins no comment and would be part of the value; write a blank and a semicolon "
                + "before the comment, or put it on a line of its own that begins with #"
        ),
        ("[gearman]\nfunction = a\0b\n", "lbaas.conf:2: this line has a null byte in it"),
        ("[worker]\ndriver = nope", "lbaas.conf:2: driver: 'nope' is not a driver of this program; the drivers are \(driverNames)"),
        (
            "[worker:dummy]\nfoul = 1",
            "lbaas.conf:2: 'foul' is not a key of [worker:dummy]; its keys are fail, slow, down, bytes_per_report, lacks, archive, checks"
        ),
    ])
    func whatIsWrongIsNamedWithItsLine(text: String, message: String) throws {
        #expect(try failure(file: text) == StartupFailure(.config, message))
    }

    @Test(arguments: ["ssl_ca", "ssl_cert", "ssl_key"])
    func encryptionIsRefusedWithItsReason(key: String) throws {
        let failure = try failure(file: "[gearman]\n\(key) = /x.pem\n")
        #expect(failure.code == .config)
        #expect(failure.message.hasPrefix("lbaas.conf:2: \(key): no job server of Debian's has TLS"))
    }

    @Test func aSectionMayHaveACommentAndBlanksAroundIt() throws {
        #expect(try settings(file: "\u{FEFF}  [gearman] ; here\r\n  concurrency = 2\r\n").concurrency == 2)
    }

    @Test func aLastLineWithoutAnEndCounts() throws {
        #expect(try settings(file: "[gearman]\nconcurrency = 2").concurrency == 2)
        #expect(try failure(file: "[nope]").message.hasPrefix("lbaas.conf:1: [nope] is not a section"))
    }

    @Test func linesOf64KibibytesAreReadAndLongerOnesRefused() throws {
        let longest = INIText.longestLine
        let start = "servers = z"
        let servers = start + String(repeating: ",host:12", count: (longest - start.count) / 8) + String(repeating: ",", count: 5)
        #expect(servers.utf8.count == longest)
        let given = try settings(file: "[gearman]\n\(servers)\nconcurrency = 3\n")
        #expect(given.servers.count == 8191)
        #expect(given.concurrency == 3)
        #expect(
            try failure(file: "[gearman]\n\(servers),\n").message
                == "lbaas.conf:2: this line has 65537 bytes, and 65536 are the most that are read")
    }

    @Test func textThatIsNotUTF8IsRefused() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("", to: "lbaas.conf")
        try Data("[DEFAULT]\nuser = \u{E9}".unicodeScalars.map { UInt8($0.value) }).write(to: URL(fileURLWithPath: path))
        #expect(throws: StartupFailure(.config, "\(path):2: this line is not UTF-8 text")) {
            try Worker.read(arguments: ["w", "--config-file", path, "--driver", "dummy"], of: workerDefinition())
        }
    }

    @Test func aFileThatIsNamedMustExistAndTheUsualOneNeedNot() throws {
        _ = try settings()
        let failure = try failure(["--config-file", "/nonexistent/lbaas.conf"])
        #expect(failure.code == .config)
        #expect(failure.message.hasSuffix("cannot be read: No such file or directory"))
    }

    @Test func aFileThatCannotBeReadIsAnErrorEvenIfItIsTheUsualOne() throws {
        let folder = try TemporaryFolder()
        #expect(throws: StartupFailure(.config, "the configuration file \(folder.path) cannot be read: it is not a regular file")) {
            try Worker.read(arguments: ["w", "--driver", "dummy"], of: workerDefinition(defaultFile: folder.path))
        }
    }

    /// To open a pipe that nobody writes to would wait for ever, and a device can have no end.
    @Test func whatIsNoRegularFileIsRefused() throws {
        let folder = try TemporaryFolder()
        let pipe = folder.file("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        for path in [pipe, "/dev/zero", "/dev/null"] {
            #expect(throws: StartupFailure(.config, "the configuration file \(path) cannot be read: it is not a regular file")) {
                try Worker.read(arguments: ["w", "--driver", "dummy", "--config-file", path], of: workerDefinition())
            }
        }
    }

    @Test func aFileThatIsTooLargeIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("", to: "large")
        try #require(truncate(path, 1 << 40) == 0)
        #expect(throws: StartupFailure(.config, "the configuration file \(path) is larger than 16777216 bytes")) {
            try Worker.read(arguments: ["w", "--driver", "dummy", "--config-file", path], of: workerDefinition())
        }
    }

    @Test func allMistakesAreToldAtOnceInTheOrderOfTheFile() throws {
        let file = "[gearman]\nconcurrency = x\nbogus = 1\n[nope]\ny = 1\n[DEFAULT]\nword\nlog_level = loud\n"
        let messages = try failure(["--driver", "dummy", "--shutdown-timeout", "-1"], file: file).messages
        #expect(
            messages.map { $0.prefix { $0 != " " } } == [
                "lbaas.conf:2:", "lbaas.conf:3:", "lbaas.conf:4:", "lbaas.conf:7:", "lbaas.conf:8:", "--shutdown-timeout:",
            ])
    }

    @Test func checkConfigAlsoTellsWhatDriversNotifiersAndServicesRefuse() throws {
        let file = """
            [worker:dummy]
            fail = explode
            [notifier:exec]
            [service:a]
            protocol = IPX
            nodes = []
            [service:b]
            protocol = TCP
            port = many
            nodes = []

            """
        let messages = try failure(["--driver", "dummy", "--check-config"], file: file).messages
        #expect(
            messages.map { $0.prefix { $0 != " " } } == ["lbaas.conf:2:", "lbaas.conf:3:", "lbaas.conf:5:", "lbaas.conf:9:"], "\(messages)")
    }

    @Test func whatADriverRefusesIsNamedWithItsLine() throws {
        let given = try settings(file: "[worker:dummy]\n\nfail = create:a,\n  nonsense\ndown = 1\n")
        #expect(given.sections["worker:dummy"]?.values["fail"] == Section.Value(text: "create:a,\nnonsense", line: 3))
        let dummy = try #require(KnownDrivers.named("dummy"))
        let failure = try #require(throws: DriverConfiguration.Failure.self) { try dummy.make(given.driverConfiguration, .silent) }
        let startup = given.startupFailure(failure, in: "worker:dummy")
        #expect(startup.code == .config)
        #expect(startup.message.contains("lbaas.conf:3: fail: "))
        #expect(
            given.startupFailure(.init(key: "absent", message: "is needed"), in: "worker:dummy").message.hasSuffix(
                "lbaas.conf:1: absent: is needed"))
        #expect(
            try settings().startupFailure(.init(key: "absent", message: "is needed"), in: "worker:dummy").message
                == "[worker:dummy] absent: is needed")
    }

    @Test func manyThreadsReadAtOnce() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...50 {
                group.addTask {
                    let given = try settings(["--function", "f\(number)"], file: "[gearman]\nconcurrency = \(number)\n")
                    #expect(given.concurrency == number && given.function == "f\(number)")
                }
            }
            try await group.waitForAll()
        }
    }
}
