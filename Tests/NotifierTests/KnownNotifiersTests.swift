import DummyNotifier
import KnownNotifiers
import LBaaS
import TestSupport
import Testing

@Suite("Known notifiers")
struct KnownNotifiersTests {
    @Test("are found by name")
    func byName() {
        #expect(KnownNotifiers.all.map(\.name) == ["bgp", "exec", "dummy"])
        #expect(KnownNotifiers.named("bgp")?.name == "bgp")
        #expect(KnownNotifiers.named("BGP") == nil)
    }

    @Test("say what they and their keys mean")
    func described() {
        for notifier in KnownNotifiers.all {
            #expect(!notifier.summary.isEmpty)
            #expect(notifier.keys.allSatisfy { !$0.meaning.isEmpty })
            #expect(Set(notifier.keys.map(\.name)).count == notifier.keys.count)
        }
    }

    @Test("are made from a section, or refuse it")
    func make() throws {
        let registration = try #require(KnownNotifiers.named("bgp"))
        _ = try registration.make(DriverConfiguration(["silent": "yes"]), .silent)
        #expect(throws: DriverConfiguration.Failure.self) { _ = try registration.make(DriverConfiguration(["silent": "?"]), .silent) }
    }
}

@Suite("The dummy notifier")
struct DummyNotifierTests {
    @Test("logs how each service is, and what changes, until it is stopped")
    func logs() {
        let record = LogRecord()
        let notifier = DummyNotifier(log: record.log)
        notifier.begin([.of(.up, "10.9.0.1", quorum: 2), .of(.down, nil, id: "b")])
        notifier.notify([.of(.down, "10.9.0.1", reason: "deleted")])
        #expect(notifier.flush(within: .zero))
        #expect(notifier.stop(within: .zero))
        notifier.notify([.of(.up, "10.9.0.1")])
        #expect(
            record.lines == [
                "info service at the start UP load_balancer=a listener=10.9.0.1:80/tcp weight=2 quorum=2",
                "info service at the start DOWN load_balancer=b listener=*:80/tcp weight=0",
                "info service DOWN load_balancer=a listener=10.9.0.1:80/tcp weight=0 reason=deleted",
            ])
    }
}
