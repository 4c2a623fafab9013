import LBaaS
import Synchronization

/// Notes what it is told, and how often the appliance had been changed by then.
final class RecordingNotifier: EventListener {
    private let told = Mutex<[String]>([])
    private let driver: RecordingDriver
    private let isSlow: Bool

    init(_ driver: RecordingDriver, isSlow: Bool = false) {
        self.driver = driver
        self.isSlow = isSlow
    }

    func begin(_ services: [ServiceEvent]) { note("begin", services) }
    func notify(_ events: [ServiceEvent]) { note("\(driver.applied.count)", events) }

    func flush(within limit: Duration) -> Bool {
        told.withLock { $0.append("\(driver.applied.count) flush") }
        return !isSlow
    }

    func stop(within limit: Duration) -> Bool { true }

    /// What it was told since it was asked last: `1 UP a *:80/tcp`, with how often the appliance had been changed by then.
    func take() -> [String] {
        told.withLock { told in
            defer { told = [] }
            return told
        }
    }

    private func note(_ what: String, _ events: [ServiceEvent]) {
        let lines = events.map { event in
            "\(what) \(event.kind.rawValue) \(event.service.loadBalancer) \(event.service.listener)"
                + (event.reason.map { " (\($0))" } ?? "")
        }
        told.withLock { $0 += lines }
    }
}
