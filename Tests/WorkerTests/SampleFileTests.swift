import DaemonSupport
import KnownDrivers
import KnownNotifiers
import LBaaS
import TestSupport
import Testing

@testable import lbaas_worker

/// `etc/lbaas.conf` as it is delivered, where the line of a key, or of a section that is not there by default, begins with `#` and no blank.
@Suite struct SampleFileTests {
    private let sample: RepositoryFile

    init() throws { sample = try RepositoryFile("etc/lbaas.conf") }

    @Test func asItIsItSetsNothing() throws {
        var given = try settings(file: sample.text)
        given.configurationFile = nil
        #expect(given.sections.keys.allSatisfy { $0.hasPrefix("worker:") })
        given.sections = [:]
        #expect(try given == settings())
    }

    @Test func withEveryKeyItIsRightAndTheDefaultsAreTheRealOnes() throws {
        // A unit goes with another mode than the default, no persistence not with one, and some fields with another type of monitor.
        // No address of at_least_one has a fence.
        let others = ["fence =", "driver =", "unit =", "sessionPersistence =", "monitor.send =", "monitor.expect =", "monitor.command ="]
        var given = try settings(file: sample.uncommented { line in !others.contains { line.hasPrefix($0) } })
        let defaults = Settings()
        for setting in SettingsTable.all where setting.key != "driver" {
            let text = try #require(setting.text(given), "\(setting.key) has a value in the sample")
            if let usual = setting.text(defaults) { #expect(text == usual, "\(setting.key)") }
        }
        #expect(sample.text.contains("\n#driver = \(defaults.driver)\n"))
        for driver in KnownDrivers.all {
            given.driver = driver.name
            _ = try driver.make(given.driverConfiguration, .silent)
        }
        for notifier in KnownNotifiers.all {
            let name = "notifier:\(notifier.name)"
            #expect(given.sections[name] != nil)
            _ = try notifier.make(given.configuration(of: name), .silent)
        }
        let dummy = try #require(KnownDrivers.named("dummy")).make(DriverConfiguration(), .silent)
        #expect(try given.virtualIPs().map(\.virtualIP.address.description) == ["10.9.0.1"])
        #expect(try given.services(for: dummy).map(\.id) == ["shop"])
    }

    @Test func itHasEveryKeyOnceInItsSection() throws {
        var found: [String] = []
        for item in INIText(Array(sample.uncommented().utf8)).items {
            if case .key(let key, let section, _) = item { found.append("\(section)/\(key)") }
        }
        let known =
            SettingsTable.all.map { "\($0.section)/\($0.key)" }
            + KnownDrivers.all.flatMap { driver in driver.keys.map { "worker:\(driver.name)/\($0.name)" } }
            + KnownNotifiers.all.flatMap { notifier in notifier.keys.map { "notifier:\(notifier.name)/\($0.name)" } }
            + VirtualIPSection.keys.map { "virtual_ip:shop/\($0)" } + ServiceSection.keys.map { "service:shop/\($0)" }
            + KubernetesSection.keys.map { "\(KubernetesSection.sectionName)/\($0)" }
        #expect(found.sorted() == known.sorted())
    }
}
