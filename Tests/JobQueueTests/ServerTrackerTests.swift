import Testing

@testable import JobQueue

@Suite("The loss and the return of a job server")
struct ServerTrackerTests {
    /// What happens to a connection: up, down, and a try that fails.
    private enum Event: Character {
        case up = "+"
        case down = "-"
        case failure = "x"
    }

    /// Which of the events are told.
    private func told(_ events: String) throws -> String {
        var tracker = ServerTracker()
        return String(
            try events.map { character in
                let isNews =
                    switch try #require(Event(rawValue: character)) {
                    case .up: tracker.connected()
                    case .down: tracker.disconnected()
                    case .failure: tracker.failedToConnect()
                    }
                return isNews ? character : "."
            })
    }

    @Test(
        "are each told once, seen over all connections",
        arguments: [
            ("", ""),
            // The first connection is told, the others are not.
            ("++++", "+..."),
            // A loss is that of the last connection.
            ("++--", "+..-"), ("+-", "+-"), ("++-+--", "+....-"),
            // A server that is absent at the start is told once, and so is its coming.
            ("xxxx", "x..."), ("xx++", "x.+."), ("xxx+x", "x..+."),
            // The tries after a loss are not told, the return is.
            ("+-xxx+", "+-...+"), ("++--xxxx++", "+..-....+."),
            // A try that fails while another connection is up is no loss.
            ("+xx-", "+..-"), ("++-x-x", "+...-."),
            // Again and again.
            ("+-+-+-", "+-+-+-"), ("+-x+-x+-x", "+-.+-.+-."), ("x+-xx+-", "x+-..+-"),
        ])
    func sequence(events: String, expected: String) throws {
        #expect(try told(events) == expected)
    }
}

@Suite("A job server")
struct JobServerTests {
    @Test(
        "is written with its port, an IPv6 address in brackets",
        arguments: [
            (JobServer(host: "localhost"), "localhost:4730"), (JobServer(host: "10.0.0.1", port: 1), "10.0.0.1:1"),
            (JobServer(host: "::1", port: 65535), "[::1]:65535"), (JobServer(host: "fe80::1%eth0"), "[fe80::1%eth0]:4730"),
        ])
    func description(server: JobServer, text: String) {
        #expect(server.description == text)
        #expect("\(server)" == text)
    }

    @Test("is the same where host and port are")
    func equality() {
        #expect(JobServer(host: "a") == JobServer(host: "a", port: 4730))
        #expect(Set([JobServer(host: "a"), JobServer(host: "a", port: 2), JobServer(host: "b"), JobServer(host: "a")]).count == 3)
    }
}
