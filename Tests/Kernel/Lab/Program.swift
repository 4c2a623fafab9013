import Glibc
import TestSupport
import WorkerHarness

/// Runs a test with a lab where the tests are, and a worker without job servers that looks at the table once an hour.
func withAPI(_ body: (Lab, APIClient) async throws -> Void) async throws {
    try await withLabAtHome { lab in
        try lab.serve(.tcp)
        try await withRig { rig in
            let api = try APIClient(in: rig)
            var options = rig.options()
            options.driver = "ipvs"
            options.configuration = "[worker:ipvs]\nresync_interval = 3600\n[gearman]\nservers =\n" + api.section
            try await rig.spawnWorker(options).says("started")
            try await body(lab, api)
        }
    }
}

/// Runs a test with a lab where the tests are, a job server, and a way to start a worker, which looks at the table every second.
///
/// - Parameter asNobody: whether the worker is a plain user with one capability, as its systemd unit has it, and not root.
func withProgram(asNobody: Bool = false, _ body: (Lab, Gearmand, _ start: () async throws -> WorkerProcess) async throws -> Void)
    async throws
{
    try await withLabAtHome { lab in
        try lab.serve(.tcp)
        try await withRig { rig in
            let gearmand = try await rig.startGearmand()
            var options = rig.options(gearmand)
            options.driver = "ipvs"
            if asNobody {
                options.launcher = [
                    "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
                    "--bounding-set=-all,+net_admin",
                    "--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin",
                ]
                guard mkdir(options.stateFolder, 0o700) == 0, chown(options.stateFolder, 65534, 65534) == 0 else {
                    throw systemError("cannot make \(options.stateFolder)")
                }
            }
            // Where the table is cleared, connections are to be there still when it is repaired.
            options.configuration = "[worker:ipvs]\nresync_interval = 1\nexpire_nodest_conn = no\n"
            try await body(lab, gearmand) { [options] in try await rig.startWorker(options) }
        }
    }
}
