import DaemonSupport
import Foundation
import KnownDrivers
import KnownNotifiers
import LBaaS
import Metrics
import TestSupport
import Testing
import WorkerMetrics

@testable import lbaas_worker

/// README.md and docs/, held against what the program has.
@Suite struct DocumentationTests {
    /// The pages, by their paths below the root.
    private static let pages: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: RepositoryFile.root.appendingPathComponent("docs").path)) ?? []
        return ["README.md"] + names.filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }
    }()

    private func part(below heading: String) throws -> String { try RepositoryFile("docs/configuration.md").part(below: heading) }

    @Test func theConfigurationPageHasEveryOptionOfTheHelp() throws {
        guard case .help(let help) = try read(["--help"]) else { throw UnexpectedInvocation() }
        let options = help.matches(of: #/--[a-z-]+/#).map { String($0.output) }
        #expect(options.count > 10)
        let table = try part(below: "Command line")
        for option in Set(options).sorted() {
            #expect(table.contains("| `\(option) ") || table.contains("| `\(option)`"), "\(option)")
        }
    }

    @Test func theMetricsPageHasTheSameTableAsTheProgram() throws {
        let rows = try RepositoryFile("docs/metrics.md").text.split(separator: "\n").filter {
            $0.hasPrefix("| `lbaas_") || $0.hasPrefix("| `process_")
        }
        let expected = WorkerMetric.all.map { metricRow($0.name, $0.kind.rawValue, $0.labels, $0.help) }
        #expect(rows.map(String.init) == expected)
    }

    @Test func theConfigurationPageHasEveryKeyInItsSection() throws {
        for setting in SettingsTable.all {
            #expect(try part(below: setting.section).contains("`\(setting.key)`"), "\(setting.key) of \(setting.section)")
        }
        for driver in KnownDrivers.all {
            let part = try part(below: "worker:\(driver.name)")
            for key in driver.keys { #expect(part.contains("`\(key.name)`"), "\(key.name) of worker:\(driver.name)") }
        }
        let notifiers = try part(below: "Notifiers").split(separator: "\n")
        for notifier in KnownNotifiers.all {
            let row = try #require(notifiers.first { $0.hasPrefix("| `[notifier:\(notifier.name)]`") }, "\(notifier.name)")
            for key in notifier.keys { #expect(row.contains("`\(key.name)`"), "\(key.name) of notifier:\(notifier.name)") }
        }
        let virtualIPs = try part(below: "Virtual IPs")
        for key in VirtualIPSection.keys { #expect(virtualIPs.contains("| `\(key)` |"), "\(key) of a virtual IP") }
        let cluster = try part(below: "Kubernetes")
        for key in KubernetesSection.keys { #expect(cluster.contains("| `\(key)` |"), "\(key) of a cluster") }
        let services = try part(below: "Static services")
        for key in ServiceSection.keys {
            let parts = key.split(separator: ".")
            let isThere = services.split(separator: "\n").contains { row in
                row.contains("`\(key)`") || parts.count == 2 && row.contains("`\(parts[0]).FIELD`") && row.contains("`\(parts[1])`")
            }
            #expect(isThere, "\(key) of a static service")
        }
    }

    @Test(arguments: pages) func aRelativeLinkLeadsToAFileAndAHeadingThatAreThere(page: String) throws {
        let folder = RepositoryFile.root.appendingPathComponent(page).deletingLastPathComponent()
        for match in withoutCode(try RepositoryFile(page).text).matches(of: #/\]\(([^)\s]+)\)/#) {
            let target = String(match.1)
            if target.hasPrefix("http") { continue }
            let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let own = RepositoryFile.root.appendingPathComponent(page)
            let file = parts[0].isEmpty ? own : folder.appendingPathComponent(parts[0]).standardized
            #expect(FileManager.default.fileExists(atPath: file.path), "\(target)")
            if parts.count == 2, let linked = try? String(contentsOf: file, encoding: .utf8) {
                #expect(anchors(of: linked).contains(parts[1]), "\(target)")
            }
        }
    }

    /// A text without its blocks of code.
    private func withoutCode(_ text: String) -> String { text.replacing(#/(?s)```.*?```/#, with: "") }

    /// The names by which a link leads to a heading: in small letters, without punctuation, with `-` for a blank.
    private func anchors(of text: String) -> Set<String> {
        let headings = withoutCode(text).split(separator: "\n").filter { $0.hasPrefix("#") }.map { $0.drop { $0 == "#" }.dropFirst() }
        return Set(
            headings.map { heading in
                String(heading.lowercased().filter { $0.isLetter || $0.isNumber || "_- ".contains($0) }.map { $0 == " " ? "-" : $0 })
            })
    }
}

private struct UnexpectedInvocation: Error {}
