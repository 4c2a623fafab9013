import DaemonSupport
import FleetDispatch
import Metrics
import TestSupport
import Testing

@testable import lbaas_server

/// `docs/server.md` and `etc/server.conf`, held against what the program has.
@Suite struct DocumentationTests {
    private let page: RepositoryFile
    private let sample: RepositoryFile

    init() throws { (page, sample) = (try RepositoryFile("docs/server.md"), try RepositoryFile("etc/server.conf")) }

    private func settings(_ file: String) throws -> Settings {
        let folder = try TemporaryFolder()
        let path = try folder.write(file, to: "server.conf")
        let read = try Server.read(arguments: ["lbaas-server", "--config-file", path], of: serverDefinition())
        guard case .run(var settings) = read else { throw UnexpectedInvocation() }
        settings.configurationFile = nil
        return settings
    }

    @Test("The page has every option of the help, and every key in its section")
    func thePageIsWhole() throws {
        let read = try Server.read(arguments: ["lbaas-server", "--help"], of: serverDefinition())
        guard case .help(let help) = read else { throw UnexpectedInvocation() }
        let options = Set(help.matches(of: #/--[a-z-]+/#).map { String($0.output) })
        #expect(options.count > 10)
        let table = try page.part(below: "Command line")
        for option in options.sorted() { #expect(table.contains("| `\(option) ") || table.contains("| `\(option)`"), "\(option)") }
        for setting in SettingsTable.all {
            #expect(try page.part(below: setting.section).contains("`\(setting.key)`"), "\(setting.key) of \(setting.section)")
        }
        for key in GroupSection.keys { #expect(try page.part(below: "group").contains("| `\(key)` |"), "\(key) of a group") }
    }

    @Test("The page of a fleet has the same table of metrics as the program")
    func theMetrics() throws {
        let rows = try RepositoryFile("docs/fleet.md").part(below: "Metrics").split(separator: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows.map(String.init) == FleetMetric.all.map { metricRow($0.name, $0.kind.rawValue, $0.labels, $0.help) })
    }

    @Test("The sample as it is sets nothing, with every key it is right, and the defaults in it are the real ones")
    func theSampleIsRight() throws {
        let defaults = Settings()
        #expect(try settings(sample.text) == defaults)
        var given = try settings(sample.uncommented { !$0.hasPrefix("etcd = ") && !$0.hasPrefix("etcd_c") && !$0.hasPrefix("etcd_k") })
        for setting in SettingsTable.all {
            if let usual = setting.text(defaults) { #expect(setting.text(given) == usual, "\(setting.key)") }
        }
        #expect(try given.groups().map(\.name) == ["shop"])
        given = try settings(sample.uncommented().replacing("http://", with: "https://"))
        for setting in SettingsTable.all { #expect(setting.text(given) != nil, "\(setting.key) has a value in the sample") }
    }

    @Test("The sample has every key once in its section")
    func theSampleIsWhole() throws {
        var found: [String] = []
        for item in INIText(Array(sample.uncommented().utf8)).items {
            if case .key(let key, let section, _) = item { found.append("\(section)/\(key)") }
        }
        let known = SettingsTable.all.map { "\($0.section)/\($0.key)" } + GroupSection.keys.map { "group:shop/\($0)" }
        #expect(found.sorted() == known.sorted())
    }
}

private struct UnexpectedInvocation: Error {}
