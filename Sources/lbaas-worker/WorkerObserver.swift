import HostSystem
import JobMessages
import JobQueue
import LBaaS
import Requests
import VirtualIPs
import WorkerAPI
import WorkerMetrics

/// Hands what happens in the worker on to those who watch it from outside: the event stream of the API, the metrics, and the log.
final class WorkerObserver: CoreObserver {
    /// The event stream.
    let events = WorkerEvents()
    /// What is measured.
    let metrics: WorkerMetrics
    private let log: Log

    init(_ settings: Settings, log: Log) {
        metrics = WorkerMetrics(hasNodes: settings.metrics.hasNodes)
        self.log = log
    }

    // MARK: The core

    var followsChanges: Bool { events.isFollowed }

    func published(_ change: PublishedChange) { events.publish(change) }

    func committed(_ count: Int, in duration: Duration) { metrics.committed(count, in: duration) }

    func repaired(_ repair: ApplianceRepair) {
        metrics.repaired(repair)
        events.publish(repair)
    }

    // MARK: Everything else

    /// Takes it that a job was answered. Its client need not wait for that.
    ///
    /// - Parameters:
    ///   - answer: what the job was.
    ///   - handle: the job server's name of the job, or who sent it by the API.
    ///   - start: when it came.
    ///   - end: when it was answered.
    func answered(_ answer: JobAnswer, handle: String, from start: Timestamp, to end: Timestamp) {
        metrics.answered(answer.action, isPass: answer.error == nil, microseconds: end.microseconds - start.microseconds)
        log.write(answer, handle: handle, from: start, to: end)
    }

    /// Takes it that a job server was connected or lost.
    func told(_ event: JobQueue.Event) {
        let time = Clock.moment().wall
        switch event {
        case .connected(let server): events.publish(jobServer: server.description, isConnected: true, reason: nil, at: time)
        case .lost(let server, let reason):
            events.publish(jobServer: server.description, isConnected: false, reason: reason, at: time)
        }
    }

    /// Takes what became of a virtual IP.
    func told(_ notice: VirtualIPNotice) {
        switch notice {
        // The event stream has it when it is committed, so that whoever reads the state then finds it there.
        case .changed(let status): metrics.turned(virtualIP: status.virtualIP.address.description, into: status.state.rawValue)
        case .rival(let virtualIP, let hardware):
            events.publish(
                rivalOf: virtualIP.address.description, interface: virtualIP.interface, hardware: hardware, at: Clock.moment().wall)
        // The change of its state follows.
        case .assumed: break
        }
    }
}
