import DaemonSupport
import Glibc
import HostEdge
import HostSystem
import KnownDrivers
import Kubernetes
import LBaaS
import ServiceSettings
import StateStore

extension Worker {
    /// A service of IPVS goes so long after its real servers, when the kernel has added its counters up.
    private static let settlingTime = Duration.seconds(3)

    /// Removes what a worker served of a Kubernetes cluster, and nothing else: virtual services, local routes, tables of the packet filter, and
    /// the objects that were kept. No worker may run.
    ///
    /// - Returns: `ok`, also where there was nothing.
    static func cleanUp(_ settings: Settings) throws(StartupFailure) -> ExitCode {
        let output = try LogOutput(style: LogOutput.style(settings.logFormat))
        defer { output.flush(within: .seconds(1)) }
        let log = output.log(level: settings.logLevel)
        let kubernetes = try settings.kubernetes()
        let drains = try clusterDrains(settings)
        let intake = KubernetesIntake(kubernetes, folder: settings.stateDirectory, log: log) { _ in }
        let served = try served(intake, settings) + drains
        // As services are served, the other way round: no route leads to one that is gone, and the packet filter guards them to the end.
        var removed = try removingEdge { () throws(EdgeError) in try HostEdge.removeLeftoverRoutes() }
        let services = try removeServices(served, settings, log)
        if services > 0 { removed.append("\(services) virtual services") }
        removed += try removingEdge { () throws(EdgeError) in try HostEdge.removeLeftover() }
        if let folder = settings.stateDirectory { ClusterSnapshot(folder: folder).remove() }
        log.write(.info, "what was served of a Kubernetes cluster is removed", [("removed", removed.joined(separator: ", "))])
        if kubernetes?.hidesFromARP ?? false {
            // Nobody knows who relies on them meanwhile.
            log.write(
                .info, "switches of the kernel stay as they are: set those back that nobody needs any more",
                [("names", KernelSwitch.strictARP.map(\.key).joined(separator: " "))])
        }
        return .ok
    }

    private static func removingEdge(_ remove: () throws(EdgeError) -> [String]) throws(StartupFailure) -> [String] {
        do throws(EdgeError) {
            return try remove()
        } catch {
            throw StartupFailure(.osError, error.message)
        }
    }

    /// What the cluster wanted last, and what was served besides.
    private static func served(_ intake: KubernetesIntake, _ settings: Settings) throws(StartupFailure) -> [LoadBalancer] {
        let restored = intake.restored()
        guard let folder = settings.stateDirectory else { return restored }
        let (ids, marks) = (Set(restored.map(\.id)), Set(restored.compactMap(\.firewallMark)))
        do throws(KubernetesError) {
            return restored
                + (try ClusterSnapshot(folder: folder).served { id, mark in mark.map { marks.contains($0) } ?? ids.contains(id) })
        } catch {
            throw StartupFailure(.dataError, error.message)
        }
    }

    /// What still drains of services of the cluster. A worker that runs has the state folder.
    private static func clusterDrains(_ settings: Settings) throws(StartupFailure) -> [LoadBalancer] {
        guard let folder = settings.stateDirectory, unsafe access(folder, F_OK) == 0 else { return [] }
        do throws(StateStoreError) {
            let table = try StateStore(folder: folder).load().snapshot(now: Clock.moment().steady, drainTimeout: .seconds(0)).facts.drains
            return table.owners.filter { $0.text.hasPrefix("k8s:") }.compactMap { table.effective(nil, id: $0) }
        } catch {
            guard case .inUse = error.code else { throw StartupFailure(.dataError, error.message) }
            throw StartupFailure(.tempFail, "a worker runs: stop it first (\(error.message))")
        }
    }

    /// - Returns: how many there were.
    private static func removeServices(_ loadBalancers: [LoadBalancer], _ settings: Settings, _ log: Log) throws(StartupFailure) -> Int {
        if loadBalancers.isEmpty { return 0 }
        guard let registration = KnownDrivers.named(settings.driver) else {
            throw StartupFailure(.usage, "'\(settings.driver)' is not a driver of this program")
        }
        // Also where all virtual services of the host are the worker's: here it is about those of the cluster.
        let values = (settings.sections["worker:\(settings.driver)"]?.values ?? [:]).mapValues(\.text).filter { $0.key != "exclusive" }
        do throws(DriverConfiguration.Failure) {
            return try remove(loadBalancers, by: registration.make(DriverConfiguration(values), log))
        } catch {
            throw settings.startupFailure(error, in: "worker:\(settings.driver)")
        }
    }

    private static func remove(
        _ loadBalancers: [LoadBalancer], by driver: any LoadBalancerDriver
    ) throws(DriverConfiguration.Failure) -> Int {
        do throws(DriverError) {
            let running = try driver.observe(expecting: loadBalancers).running
            if running.isEmpty { return 0 }
            let patches = running.map { LoadBalancerPatch(.delete($0), isForced: true) }
            for outcome in driver.apply(PatchGroup.groups(of: patches)) { if let failure = outcome.failure { throw failure } }
            _ = Waker().wait(until: Deadline(in: settlingTime), watching: -1)
            return running.count
        } catch {
            throw DriverConfiguration.Failure(key: "driver", message: error.message)
        }
    }
}
