import Dispatch
import Controller
import HostSystem
import LBaaS
import Synchronization

/// Whether the worker can do its work, and why it cannot.
final class Readiness: Sendable {
    private let driver: MeasuredDriver
    private let core: CoreService
    private let virtualIPs: VirtualIPService
    private let queue = DispatchQueue(label: "readiness", attributes: .concurrent)
    /// Since when the appliance is asked; nil where it is not asked now.
    private let asked = Mutex<Duration?>(nil)

    /// How long the appliance may take to answer.
    private static let limit = Duration.seconds(2)

    init(driver: MeasuredDriver, core: CoreService, virtualIPs: VirtualIPService) {
        (self.driver, self.core, self.virtualIPs) = (driver, core, virtualIPs)
    }

    /// Finds out why the worker cannot do its work, but for the job servers.
    ///
    /// - Parameter completion: takes the reasons, in some seconds at the latest; none where it can.
    func reasons(_ completion: @escaping @Sendable ([String]) -> Void) {
        let answer = Once { [virtualIPs] problem in completion([problem, virtualIPs.problem].compactMap(\.self)) }
        let now = Clock.bootTime()
        let earlier = asked.withLock { asked in
            defer { asked = asked ?? now }
            return asked
        }
        if let earlier, now - earlier >= Self.limit {
            return answer.give("the appliance has not answered for \((now - earlier).components.seconds) s")
        }
        queue.asyncAfter(deadline: .now() + Self.limit.seconds) {
            answer.give("the appliance does not answer within \(Self.limit.components.seconds) s")
        }
        // Somebody asks already: what he hears is known to the driver then.
        queue.async { [self] in
            if earlier == nil {
                if let id = core.pipeline.anyServed { _ = try? driver.status(of: [id]) }
                asked.withLock { $0 = nil }
            }
            answer.give(driver.problem.map { "the appliance cannot be asked: \($0)" })
        }
    }

    /// Gives the first answer, and no other.
    private final class Once: Sendable {
        private let completion: Mutex<(@Sendable (String?) -> Void)?>

        init(_ completion: @escaping @Sendable (String?) -> Void) { self.completion = Mutex(completion) }

        func give(_ problem: String?) { completion.withLock { $0.take() }?(problem) }
    }
}
