import Glibc
import HostSystem
import LBaaS
import Synchronization

/// The logs of the load balancers: collected from the first look at haproxy on, and archived.
///
/// A host on which they cannot be kept balances loads all the same: that they are lost is told, and it is tried again with each look.
final class Logs: Sendable {
    private struct State {
        var collector: LogCollector?
        var archive: Archive?
        /// The load balancers there are; nil until somebody told.
        var names: Set<String>?
        /// Why lines are lost, as it was told last; nil where they are not.
        var trouble: String?
    }

    private let settings: Settings
    private let log: Log
    private let state = Mutex(State())

    init(_ settings: Settings, log: Log) {
        self.settings = settings
        self.log = log
    }

    deinit { state.withLock { $0.collector?.stop() } }

    /// What a haproxy that is started gets as its standard input, where its lines go; nil where they cannot be collected.
    var input: Int32? { state.withLock { $0.collector }?.pipeDescriptor }

    /// Collects lines from now on.
    func open() {
        state.withLock { state in
            if state.collector != nil { return }
            do throws(DriverError) {
                let site = settings.site
                let collector = try LogCollector(
                    folder: settings.logFolder, pipePath: site.logPipe, socketPath: site.logsByPipe ? nil : site.logSocket,
                    limit: settings.logLimit, log: log)
                try collector.start()
                state.collector = collector
                state.archive = Archive(of: collector, to: settings.archiveEndpoints, log: log)
                if let names = state.names { collector.keep(only: names) }
            } catch {
                tell(&state, error.message + "; look at log_dir and run_dir")
            }
        }
    }

    /// Takes it that these are all the load balancers there are. The logs of others go.
    func keep(only ids: some Sequence<LoadBalancerID>) { change { $0 = Set(ids.map { ApplianceName($0).text }) } }

    /// Takes it that these may be there from now on: their first lines come before it is known that they are.
    func expect(_ ids: some Sequence<LoadBalancerID>) { change { $0?.formUnion(ids.map { ApplianceName($0).text }) } }

    /// Takes it that these are gone.
    func forget(_ ids: some Sequence<LoadBalancerID>) { change { $0?.subtract(ids.map { ApplianceName($0).text }) } }

    private func change(_ change: (inout Set<String>?) -> Void) {
        state.withLock { state in
            let before = state.names
            change(&state.names)
            if let names = state.names, names != before { state.collector?.keep(only: names) }
        }
    }

    /// Looks whether a process of haproxy's has the pipe. One that an earlier version of the worker started has not, and does not get it by
    /// loading its file: its standard input is what it was started with.
    func check(_ pid: Int32) {
        state.withLock { state in
            guard settings.site.logsByPipe, let collector = state.collector else { return }
            var (its, ours) = (stat(), stat())
            // Of a process that ended meanwhile, or is another user's, nothing is known.
            guard unsafe stat("/proc/\(pid)/fd/0", &its) == 0, unsafe fstat(collector.pipeDescriptor, &ours) == 0 else { return }
            if its.st_dev == ours.st_dev, its.st_ino == ours.st_ino {
                state.trouble = nil
            } else {
                tell(
                    &state,
                    "the haproxy that runs was not given the pipe \(settings.site.logPipe) when it was started, which a load of its file does not change; lines are kept from its next start on"
                )
            }
        }
    }

    private func tell(_ state: inout State, _ trouble: String) {
        if state.trouble == trouble { return }
        state.trouble = trouble
        log.write(.warning, "haproxy's log lines are lost, and ARCHIVE stores none of them", [("reason", trouble)])
    }

    /// Stores the log of a load balancer.
    func archive(_ order: ArchiveOrder) throws(DriverError) {
        open()
        let (archive, trouble) = state.withLock { ($0.archive, $0.trouble) }
        guard let archive else { throw DriverError(trouble ?? "haproxy's log lines cannot be collected") }
        try archive.store(order, frontend: ApplianceName(order.loadBalancer).text)
        if let trouble { throw DriverError("what was kept of the log is archived, but lines were lost: \(trouble)") }
    }
}
