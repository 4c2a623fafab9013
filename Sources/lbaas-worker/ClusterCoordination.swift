import Coordination
import DaemonSupport
import LBaaS
import ServiceSettings

extension ClusterSettings {
    /// Who decides about the virtual IPs: this host alone, or the hosts of a cluster. It does nothing before it is started.
    ///
    /// - Throws: what cannot be used. A file of a password is read.
    func coordination(log: Log) throws(StartupFailure) -> any Coordination {
        if endpoints.isEmpty { return SingleHost(host: hostID) }
        var settings = EtcdCoordination.Settings(etcd: try etcd(), prefix: "/lbaas/\(name)/vip/", host: hostID)
        settings.takeover = .seconds(takeover)
        settings.log = log
        do throws(CoordinationError) {
            return try EtcdCoordination(settings)
        } catch {
            throw StartupFailure(.config, "[cluster] \(error.message)")
        }
    }
}

extension ValueForm where Value == Double {
    /// The takeover time.
    static var takeover: Self {
        let seconds = ValueForm.seconds(atLeast: 1)
        return Self { text throws(BadValue) in
            guard let number = try? seconds.read(text), number <= 60 else {
                throw BadValue("'\(text)' is not a number of seconds from 1 to 60")
            }
            return number
        } write: {
            seconds.write($0)
        }
    }
}
