import Controller
import DaemonSupport
import Glibc
import HostSystem
import LBaaS
import ServiceSettings
import StateStore

extension Worker {
    /// How long it may take to reach the cluster.
    private static let releaseLimit = Duration.seconds(3)

    /// Gives up the virtual IPs that a worker of this host left which crashed, for other hosts to have them at once. A host alone keeps them,
    /// and so does one where `release_on_stop` says so.
    ///
    /// - Returns: `tempFail` where the cluster was not reached: then everything stays as it is.
    static func releaseVirtualIPs(_ settings: Settings) throws(StartupFailure) -> ExitCode {
        // systemd tells ExecStopPost so: a worker that ended in good order has given everything up itself.
        if let result = unsafe getenv("SERVICE_RESULT"), unsafe String(cString: result) == "success" { return .ok }
        if settings.cluster.endpoints.isEmpty || !settings.cluster.releasesOnStop { return .ok }
        let table = VirtualIPTable(configured: try settings.virtualIPs(), requested: try requested(settings))
        if table.all.isEmpty { return .ok }
        let output = try LogOutput(style: LogOutput.style(settings.logFormat))
        defer { output.flush(within: .seconds(1)) }
        let log = output.log(level: settings.logLevel)
        let coordination = try settings.cluster.coordination(log: log)
        let service = VirtualIPService(
            Array(table.configured.values), settings.cluster, coordination: coordination, monitor: ProgressMonitor(), log: log)
        do throws(StartFailure) {
            return try service.release(table, within: releaseLimit) ? .ok : .tempFail
        } catch {
            throw error.startup
        }
    }

    /// What requests have made of virtual IPs. A worker that runs has its state folder: nothing is given up then.
    private static func requested(_ settings: Settings) throws(StartupFailure) -> [IPAddress: VirtualIPTable.Requested] {
        guard let folder = settings.stateDirectory, unsafe access(folder, F_OK) == 0 else { return [:] }
        do throws(StateStoreError) {
            return try StateStore(folder: folder).load().requestedVirtualIPs()
        } catch {
            guard case .inUse = error.code else { throw StartupFailure(.dataError, error.message) }
            throw StartupFailure(.tempFail, "a worker runs, and has its virtual IPs: stop it to have them given up (\(error.message))")
        }
    }
}
