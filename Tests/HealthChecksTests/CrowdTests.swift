import Glibc
import HealthChecks
import LBaaS
import TestSupport
import Testing

@Suite("Many nodes", .timeLimit(.minutes(5)))
struct CrowdTests {
    /// Real servers that die and return, each at an address of its own that only this host reaches.
    private final class Crowd {
        let addresses: [IPAddress]
        let port: UInt16
        private(set) var areUp: [Bool]
        private var listeners: [Socket?]

        init(_ count: Int) throws {
            // 127.1.0.0 to 127.255.255.255: not where the other tests are.
            let network = UInt32.random(in: 0x7F01...0x7FFE) << 16
            addresses = (1...count).map { .v4(network + UInt32($0)) }
            port = UInt16.random(in: 1024 ... .max)
            areUp = addresses.map { _ in false }
            listeners = addresses.map { _ in nil }
        }

        /// Lets a server die or return.
        func toggle(_ index: Int) async throws {
            areUp[index].toggle()
            listeners[index] = nil
            guard areUp[index] else { return }
            // A program that another test starts has a copy of each socket for a moment, so that the last one can still be there.
            try await eventually("address \(addresses[index]) is free") {
                let socket = try Socket(.tcp, for: addresses[index])
                do {
                    try socket.bind(to: addresses[index], port: port)
                    try socket.listen()
                    listeners[index] = socket
                } catch let error as SocketError where error == .inUse {}
                return listeners[index] != nil
            }
        }
    }

    @Test("that die and return at random are, in the end, exactly as they are said to be")
    func toggling() async throws {
        let crowd = try Crowd(1000)
        let checks = try Checks()
        checks.checker.update(
            crowd.addresses.enumerated().map { index, address in
                let check = check(.connect, port: crowd.port, address: address, delay: .milliseconds(200), timeout: .seconds(2), fall: 2)
                return .begin(key("\(index)"), check, unchecked())
            })
        var generator = SeededGenerator(seed: 5)
        let deadline = Deadline(seconds: 3)
        while !deadline.isOver {
            for _ in 0..<10 { try await crowd.toggle(Int.random(in: 0..<1000, using: &generator)) }
            await Task.yield()
        }
        let expected = crowd.areUp
        func found() -> [Bool] {
            var last: [CheckKey: Bool] = [:]
            for report in checks.reports.all { last[report.key] = report.health.isUp }
            return expected.indices.map { last[key("\($0)")] ?? false }
        }
        try await eventually("all that is said is so") { found() == expected }
        // And it stays so.
        let begun = checks.checker.statistics.begun
        try await eventually("two checks more of each") { checks.checker.statistics.begun > begun + 2000 }
        #expect(found() == expected)
    }

    @Test("wait for each other where there are few sockets, and each gets its turn")
    func fewSockets() async throws {
        let silent = try TCPServer(.silence)
        let start = ContinuousClock.now
        let checks = try Checks { $0.maximumSockets = 8 }
        for node in 0..<64 {
            checks.begin(check(.http(HTTPRequest()), port: silent.port, timeout: .milliseconds(20)), of: "\(node)")
        }
        try await eventually("a finding of each") { (0..<64).allSatisfy { checks.health("\($0)") != nil } }
        // Eight at a time, and none is over before its time is up.
        let rounds = (ContinuousClock.now - start) / .milliseconds(20)
        #expect(Double(checks.checker.statistics.begun) <= 8 * (rounds + 1))
        #expect((0..<64).allSatisfy { checks.health("\($0)")?.reason?.hasSuffix("timed out after 20 ms") == true })
    }
}
