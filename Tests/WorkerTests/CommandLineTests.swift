import DaemonSupport
import KnownDrivers
import JobQueue
import LBaaS
import Testing

@testable import lbaas_worker

@Suite struct CommandLineTests {
    @Test func nothingGivenLeavesTheDefaults() throws {
        var expected = Settings()
        expected.driver = "dummy"
        #expect(try settings() == expected)
        #expect(expected.servers == [JobServer(host: "localhost", port: 4730)])
        #expect(expected.stateDirectory == "/var/lib/lbaas")
        #expect(expected.heartbeat.patience == 6)
    }

    @Test func everyOptionSetsItsSetting() throws {
        let given = try settings([
            "--server", "a:1", "--server=[2001:db8::7]:2", "--function", "lb7", "--concurrency", "9", "--reconnect-sleep", "0.5",
            "--state-dir", "/s", "--shutdown-timeout", "0", "--diagnostics-target", "d:80", "--log-level", "debug",
            "--log-format", "json", "--pid", "/p", "--user", "u", "--group", "g",
        ])
        var expected = Settings()
        expected.driver = "dummy"
        expected.servers = [JobServer(host: "a", port: 1), JobServer(host: "2001:db8::7", port: 2)]
        expected.function = "lb7"
        expected.concurrency = 9
        expected.reconnectSleep = 0.5
        expected.stateDirectory = "/s"
        expected.shutdownTimeout = 0
        expected.diagnosticsTarget = JobServer(host: "d", port: 80)
        expected.logLevel = .debug
        expected.logFormat = .json
        expected.pidFile = "/p"
        expected.user = "u"
        expected.group = "g"
        #expect(given == expected)
    }

    @Test func stateDirectoryNoneKeepsTheStateInMemory() throws {
        #expect(try settings(["--state-dir", "none"]).stateDirectory == nil)
    }

    @Test func theLastOfSeveralValuesCounts() throws {
        #expect(try settings(["--concurrency", "2", "--concurrency", "3"]).concurrency == 3)
    }

    @Test(arguments: [
        (["--concurrency", "abc"], "--concurrency: 'abc' is not a whole number from 1 to 1024"),
        (["--concurrency", "0"], "--concurrency: '0' is not a whole number from 1 to 1024"),
        (["--concurrency", "+4"], "--concurrency: '+4' is not a whole number from 1 to 1024"),
        (["--concurrency", ""], "--concurrency: '' is not a whole number from 1 to 1024"),
        (["--reconnect-sleep", "0.05"], "--reconnect-sleep: '0.05' is not a number of seconds from 0.1 to 86400"),
        (["--reconnect-sleep", "nan"], "--reconnect-sleep: 'nan' is not a number of seconds from 0.1 to 86400"),
        (["--log-level", "loud"], "--log-level: 'loud' is not one of debug, info, warning, error"),
        (["--function", ""], "--function: '' is empty or has control characters in it; leave the setting out to get its default"),
        (["--server", ""], "--server: no value; write one HOST:PORT or several"),
        (["--bogus"], "--bogus: is not an option; see --help"),
        (["--bogus=3"], "--bogus: is not an option; see --help"),
        (["--log", "info"], "--log: may be --log-level or --log-format; see --help"),
        (["-x"], "-x: is not an option; all options are long ones; see --help"),
        (["--server"], "--server: needs a value; see --help"),
        (["--help=me"], "--help: takes no value; see --help"),
        (["stray"], "'stray' is not an option; options begin with two dashes; see --help"),
        (["--", "--help"], "'--help' is not an option; options begin with two dashes; see --help"),
        (["stray", "--concurrency", "3"], "'stray' is not an option; options begin with two dashes; see --help"),
    ])
    func aWrongCommandLineIsRefusedWithASentence(arguments: [String], message: String) throws {
        #expect(try failure(arguments) == StartupFailure(.usage, message))
    }

    @Test(arguments: [["--ssl-ca", "/ca.pem"], ["--ssl-key=/k"], ["--ssl"]])
    func encryptionIsRefusedWithItsReason(arguments: [String]) throws {
        let failure = try failure(arguments)
        #expect(failure.code == .usage)
        #expect(failure.message.hasPrefix("--ssl"))
        #expect(failure.message.contains("no job server of Debian's has TLS") && failure.message.contains("stunnel"))
    }

    @Test func aDriverThatIsNotThereNamesThoseThatAre() throws {
        #expect(
            try failure(["--driver", "nope"])
                == StartupFailure(.usage, "--driver: 'nope' is not a driver of this program; the drivers are \(driverNames)"))
        let none = #expect(throws: StartupFailure.self) {
            try Worker.read(arguments: ["lbaas-worker"], of: workerDefinition(defaultFile: "/nonexistent/lbaas.conf"), drivers: [])
        }
        #expect(none?.code == .usage)
        #expect(none?.message == "--driver: 'haproxy', the default, is not a driver of this program; there are none")
    }

    @Test func requestsThatNeedNoSettingsReadNoFile() throws {
        let broken = "[nonsense"
        #expect(try read(["--version"], file: broken) == .version)
        #expect(try read(["--list-drivers"], file: broken) == .other("list-drivers"))
        #expect(throws: StartupFailure.self) { try read(["--check-config"], file: broken) }
    }

    @Test func checkConfigAnswersTheSettings() throws {
        let expected = try settings(["--concurrency", "7"])
        #expect(try read(["--check-config", "--driver", "dummy", "--concurrency", "7"]) == .checkConfig(expected))
    }

    @Test func theHelpHasEveryOptionAlignedWithItsDefault() throws {
        guard case .help(let text) = try read(["--help"]) else {
            Issue.record("no help")
            return
        }
        let lines = text.split(separator: "\n")
        for option in SettingsTable.all {
            guard let name = option.option else { continue }
            let line = try #require(lines.first { $0.hasPrefix("  --\(name) ") })
            #expect(line.hasSuffix(")") || line.hasSuffix(option.help))
            #expect(line.firstRange(of: option.help)?.lowerBound == line.index(line.startIndex, offsetBy: 34))
        }
        #expect(text.contains("how many connections to each job server take jobs (default: 4)"))
        #expect(text.contains("(default: localhost:4730)"))
    }
}
