import Foundation
import HealthChecks
import LBaaS
import TestSupport
import Testing

/// What orders do to checks.
@Suite("An update", .timeLimit(.minutes(15)))
struct UpdateTests {
    /// A socket that refuses connections until it listens.
    private func bound() throws -> Socket {
        let socket = try Socket(.tcp, for: loopback)
        try socket.bind(to: loopback, port: 0)
        return socket
    }

    @Test("counts results up to a turn, from the health that was given, and tells what is new and nothing else")
    func counting() async throws {
        let server = try bound()
        let checks = try Checks()
        checks.begin(check(.connect, port: server.port, rise: 2, fall: 3), isUp: true)
        try await checks.wait(isUp: false, reason: "connect: refused")
        let falling = checks.reports.all
        #expect(falling.map(\.health.against) == [1, 2, 0] && falling.map(\.turned) == [false, false, true])
        #expect(falling.allSatisfy { $0.health.reason == "connect: refused" && $0.key == key("a") })
        #expect(falling[2].health.since > Timestamp(microseconds: 0))
        let begun = checks.checker.statistics.begun
        try await eventually("five more checks") { checks.checker.statistics.begun > begun + 5 }
        #expect(checks.reports.all.count == 3)
        try server.listen()
        try await checks.wait(isUp: true)
        #expect(checks.reports.all.dropFirst(3).map(\.health.against) == [1, 0])
    }

    @Test("goes on with an equal check, and begins a changed one with the health that is given")
    func changes() async throws {
        let server = try bound()
        let checks = try Checks()
        let refused = check(.connect, port: server.port, fall: 3)
        checks.begin(refused, isUp: true)
        try await eventually("the first failure") { checks.health() != nil }
        for _ in 0..<10 { checks.begin(refused, isUp: true) }
        try await checks.wait(isUp: false, reason: "connect: refused")
        #expect(checks.reports.all.map(\.health.against) == [1, 2, 0])
        checks.reports.clear()
        var changed = refused
        changed.fall = 2
        checks.begin(changed, isUp: true)
        try await checks.wait(isUp: false, reason: "connect: refused")
        #expect(checks.reports.all.map(\.health.against) == [1, 0])
        #expect(checks.reports.all.allSatisfy { $0.check == changed })
    }

    @Test("ends a check in the middle of it: nothing is told of it any more")
    func ending() async throws {
        let silent = try TCPServer(.silence)
        let checks = try Checks()
        checks.begin(check(.http(HTTPRequest()), port: silent.port, timeout: .seconds(60)), of: "gone")
        try await eventually("the request") { silent.connections == 1 }
        let closed = try bound()
        checks.checker.update([
            .end(key("gone")), .end(key("never")), .begin(key("later"), check(.connect, port: closed.port), unchecked()),
        ])
        try await eventually("the end of the connection") { silent.connections == 0 }
        try await checks.wait(for: "later", isUp: false, reason: "connect: refused")
        #expect(checks.reports.all.map(\.key) == [key("later")])
        #expect(silent.requests.count == 1)
    }

    @Test("stops in the middle of checks of every kind, and gives back all that they had")
    func stopping() async throws {
        let silent = try TCPServer(.silence)
        var tls = TLS()
        tls.isVerified = false
        let kinds: [Check.Kind] = [
            .http(HTTPRequest()), .tls(tls), .udp(payload: [1], expected: []), .icmp, .exec(path: "/bin/sleep", arguments: ["600"]),
        ]
        let started = ContinuousClock.now
        for _ in 0..<50 {
            let checks = try Checks { $0.allowedPrograms = ["/bin/sleep"] }
            for (index, kind) in kinds.enumerated() {
                checks.begin(check(kind, port: silent.port, delay: .seconds(600), timeout: .seconds(600)), of: "\(index)")
            }
            try await eventually("all have begun") { checks.checker.statistics.begun >= 5 }
            checks.checker.stop()
            let count = checks.reports.all.count
            checks.begin(check(.connect, port: 1), of: "after the end")
            checks.checker.stop()
            #expect(checks.reports.all.count == count)
        }
        // Had one stop waited for its checks, it would have taken as long as they may.
        #expect(ContinuousClock.now - started < .seconds(600))
        try await eventually("the end of the connections") { silent.connections == 0 }
        // Tests beside this one have some too, but not so many.
        for kind in ["eventpoll", "eventfd", "pidfd"] { #expect(try descriptors(kind) < 40) }
    }

    @Test("can come from the report, and so can the end")
    func fromReport() async throws {
        let server = try bound()
        let record = Record<HealthReport>()
        let box = Record<HealthChecker>()
        let checker = try HealthChecker(HealthChecker.Configuration(), now: currentTime) { reports in
            for report in reports { record.add(report) }
            for checker in box.all {
                let next = check(.connect, port: server.port, delay: .milliseconds(10))
                if record.all.count < 3 {
                    checker.update([.begin(key("\(record.all.count)"), next, unchecked())])
                } else {
                    checker.stop()
                }
            }
        }
        box.add(checker)
        checker.update([.begin(key("0"), check(.connect, port: server.port), unchecked())])
        try await eventually("three reports") { record.all.count == 3 }
        checker.stop()
        #expect(record.all.map(\.key) == [key("0"), key("1"), key("2")])
        box.clear()
    }

    /// How many descriptors of a kind this process has.
    private func descriptors(_ kind: String) throws -> Int {
        let folder = "/proc/self/fd"
        let targets = try FileManager.default.contentsOfDirectory(atPath: folder).map { number in
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(number)")
        }
        return targets.filter { $0?.contains(kind) == true }.count
    }
}
