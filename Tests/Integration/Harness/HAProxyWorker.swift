import Foundation
import Glibc
import WorkerHarness

/// Runs a test with a job server and a worker with the haproxy driver, whose haproxy is alone in a network namespace: it can listen
/// wherever it is told to.
func withHAProxyWorker(more: String = "", _ body: (Gearmand, WorkerProcess) async throws -> Void) async throws {
    try await withRig { rig in
        let gearmand = try await rig.startGearmand()
        let program = try rig.write("#!/bin/sh\nexec unshare --net /usr/sbin/haproxy \"$@\"\n", to: "haproxy")
        chmod(program, 0o700)
        var options = rig.options(gearmand)
        options.driver = "haproxy"
        options.configuration = """
            [worker:haproxy]
            program = \(program)
            run_dir = \(rig.path("run"))
            config = \(rig.path("haproxy.cfg"))
            \(more)
            """
        defer {
            // Unlike a worker's job, its haproxy outlives it.
            let text = try? String(contentsOfFile: rig.path("haproxy.cfg.pid"), encoding: .utf8)
            if let pid = text.flatMap({ pid_t($0.filter(\.isNumber)) }) { kill(pid, SIGKILL) }
        }
        try await body(gearmand, try await rig.startWorker(options))
    }
}
