import HostSystem
import JobQueue
import LBaaS
import Requests
import VirtualIPs
import WorkerAPI

/// Hands what happens in the worker on to those who watch it from outside: the event stream of the API.
final class WorkerObserver: CoreObserver {
    /// The event stream.
    let events = WorkerEvents()

    var followsChanges: Bool { events.isFollowed }

    func published(_ change: PublishedChange) { events.publish(change) }

    func committed(_ count: Int, in duration: Duration) {}

    func repaired(_ repair: ApplianceRepair) { events.publish(repair) }

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
        guard case .changed(let status) = notice else { return }
        let now = Clock.moment().wall
        let since = now + (status.since - Clock.bootTime())
        events.publish(
            virtualIP: status.virtualIP.address.description, interface: status.virtualIP.interface, state: status.state.rawValue,
            isBound: status.isBound, reason: status.reason, since: since, at: now)
    }
}
