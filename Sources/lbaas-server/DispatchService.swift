import DaemonSupport
import FleetDispatch
import FleetModel
import FleetStore
import HostSystem
import JobQueue
import LBaaS
import Metrics

/// Drives the workers, as a part of the server.
final class DispatchService: DaemonService {
    let name = "the jobs of the workers"
    let stopTime = Duration.seconds(3)
    private let dispatcher: Dispatcher

    /// A dispatcher that is not started. To be made before the cache is started.
    init(_ parts: FleetParts, id: String) {
        dispatcher = Dispatcher(
            parts.store, parts.cache, jobServers: parts.settings.jobServers, id: id, registry: parts.registry, log: parts.log)
        parts.registry.collect { [dispatcher, cache = parts.cache] text in
            text.family(FleetMetric.jobServerConnected)
            for (server, failure) in dispatcher.jobServers { text.sample(failure == nil ? 1 : 0, ["server": server.description]) }
            text.family(FleetMetric.drivenWorkers)
            text.sample(dispatcher.count)
            let present = cache.read { fleet in fleet.groups.values.flatMap(\.workers).map { fleet.isPresent($0) } }
            text.family(FleetMetric.workers)
            text.sample(present.count { $0 }, ["state": "present"])
            text.sample(present.count { !$0 }, ["state": "away"])
        }
    }

    /// An id for a server, which no other one has: the name of the host, and a random number.
    static func makeID() -> String {
        "\(hostName())-" + (0..<4).map { _ in UInt8.random(in: 0...255) }.hexadecimal
    }

    func start() throws(StartupFailure) {
        do throws(FleetStoreError) {
            try dispatcher.start()
        } catch {
            throw StartupFailure(error.code.exitCode, error.message)
        }
    }

    func finish(within limit: Duration) -> Bool {
        dispatcher.stop(within: limit)
        return true
    }
}
