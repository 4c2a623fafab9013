import TestSupport
import WorkerHarness

/// Runs a test with a lab where the tests are, a job server, and a way to start a worker, which looks at the table every second.
func withProgram(_ body: (Lab, Gearmand, _ start: () async throws -> WorkerProcess) async throws -> Void) async throws {
    try await withLabAtHome { lab in
        try lab.serve(.tcp)
        try await withRig { rig in
            let gearmand = try await rig.startGearmand()
            var options = rig.options(gearmand)
            options.driver = "ipvs"
            // Where the table is cleared, connections are to be there still when it is repaired.
            options.configuration = "[worker:ipvs]\nresync_interval = 1\nexpire_nodest_conn = no\n"
            try await body(lab, gearmand) { [options] in try await rig.startWorker(options) }
        }
    }
}
