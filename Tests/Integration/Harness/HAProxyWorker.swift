import Foundation
import Glibc
import TestSupport
import WorkerHarness

/// Runs a test with a job server and a worker with the haproxy driver, whose haproxy is alone in a network namespace: it can listen
/// wherever it is told to.
func withHAProxyWorker(more: String = "", _ body: (Gearmand, WorkerProcess) async throws -> Void) async throws {
    try await withHAProxy { rig, options in
        let program = try rig.write("#!/bin/sh\nexec unshare --net /usr/sbin/haproxy \"$@\"\n", to: "haproxy")
        chmod(program, 0o700)
        var options = options
        options.configuration += "program = \(program)\n\(more)"
        let gearmand = try await rig.startGearmand()
        options.servers = [gearmand.address]
        try await body(gearmand, try await rig.startWorker(options))
    }
}

/// Runs a test with what it takes to start workers with the haproxy driver, whose haproxy goes at the end.
func withHAProxy(_ body: (Rig, WorkerOptions) async throws -> Void) async throws {
    try await withRig { rig in
        var options = rig.options()
        options.driver = "haproxy"
        options.configuration = """
            [worker:haproxy]
            run_dir = \(rig.path("run"))
            config = \(rig.path("haproxy.cfg"))
            archive_endpoints = 127.0.0.0/8

            """
        rig.endHAProxyAtEnd()
        try await body(rig, options)
    }
}

extension Rig {
    /// Ends the haproxy of a worker with this file after the worker: it outlives the worker, who starts it again.
    func endHAProxyAtEnd(file: String = "haproxy.cfg") {
        let pidFile = path(file + ".pid")
        atEnd {
            let text = try? String(contentsOfFile: pidFile, encoding: .utf8)
            if let pid = text.flatMap({ pid_t($0.filter(\.isNumber)) }) { kill(pid, SIGKILL) }
        }
    }
}
