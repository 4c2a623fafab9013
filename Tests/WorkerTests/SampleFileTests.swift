import Foundation
import KnownDrivers
import Testing

@testable import lbaas_worker

/// `etc/lbaas.conf` as it is delivered, where the line of a key begins with `#` and no blank.
@Suite struct SampleFileTests {
    private let sample: String

    init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        sample = try String(contentsOf: root.appendingPathComponent("etc/lbaas.conf"), encoding: .utf8)
    }

    /// The sample with the keys of all lines that `isWanted` agrees to taken out of their comments.
    private func uncommented(where isWanted: (Substring) -> Bool = { _ in true }) -> String {
        sample.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.wholeMatch(of: #/#[a-z_0-9]+ = .*/#) != nil && isWanted($0.dropFirst()) ? $0.dropFirst() : $0 }
            .joined(separator: "\n")
    }

    @Test func asItIsItSetsNothing() throws {
        var given = try settings(file: sample)
        given.configurationFile = nil
        given.sections = [:]
        #expect(try given == settings())
    }

    @Test func withEveryKeyItIsRightAndTheDefaultsAreTheRealOnes() throws {
        // A unit goes with another mode than the default.
        var given = try settings(file: uncommented { !$0.hasPrefix("driver") && !$0.hasPrefix("unit") })
        let defaults = Settings()
        for setting in SettingsTable.all where setting.key != "driver" {
            let text = try #require(setting.text(given), "\(setting.key) has a value in the sample")
            if let usual = setting.text(defaults) { #expect(text == usual, "\(setting.key)") }
        }
        #expect(sample.contains("\n#driver = \(defaults.driver)\n"))
        for driver in KnownDrivers.all {
            given.driver = driver.name
            _ = try driver.make(given.driverConfiguration, .silent)
        }
    }

    @Test func itHasEveryKeyOnceInItsSection() throws {
        var found: [String] = []
        for item in try IniScan.items(of: Array(uncommented().utf8)) {
            if case .key(let key, let section, _) = item { found.append("\(section)/\(key)") }
        }
        let known =
            SettingsTable.all.map { "\($0.section)/\($0.key)" }
            + KnownDrivers.all.flatMap { driver in driver.keys.map { "worker:\(driver.name)/\($0.name)" } }
        #expect(found.sorted() == known.sorted())
    }
}
