import Foundation
import Glibc
import TestSupport
import WorkerHarness

/// A BGP speaker of its own process: ExaBGP with Debian's settings, with named pipes and routers of its own.
final class ExaBGP: Sendable {
    private let rig: Rig
    private let pipeName: String

    /// An ExaBGP that is not started yet, with its pipes.
    init(_ rig: Rig, peers: [Bird]) throws {
        self.rig = rig
        // It looks for pipes of this name in the system's folders first.
        pipeName = "lbaas-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: rig.path("run/exabgp"), withIntermediateDirectories: true)
        for pipe in [commands, answers] where mkfifo(pipe, 0o600) != 0 { throw systemError("mkfifo") }
        try configure(peers)
    }

    /// Its pipes.
    var commands: String { rig.path("run/exabgp/\(pipeName).in") }
    var answers: String { rig.path("run/exabgp/\(pipeName).out") }

    /// Has other routers in its configuration, which it reads when it starts, and at SIGUSR1.
    func configure(_ peers: [Bird]) throws {
        let neighbors = peers.map { peer in
            """
            neighbor \(peer.address) {
                router-id 10.255.0.1;
                local-address 127.0.0.1;
                local-as 65001;
                peer-as 65002;
                connect \(peer.port);
                family { ipv4 unicast; ipv6 unicast; }
            }

            """
        }
        _ = try rig.write(neighbors.joined(), to: "exabgp.conf")
    }

    /// Starts it.
    func start() throws -> ChildProcess {
        let user = String(cString: getpwuid(getuid()).pointee.pw_name)
        let settings = ["exabgp.api.pipename=\(pipeName)", "exabgp.daemon.user=\(user)"]
        let arguments = ["--root", rig.folder, "--env", "/etc/exabgp/exabgp.env", rig.path("exabgp.conf")]
        return try rig.run("/usr/bin/env", settings + ["/usr/sbin/exabgp"] + arguments, name: "exabgp")
    }

    /// Runs the operator's client for it to its end.
    func client(_ words: String...) async throws -> ChildProcess.End {
        let settings = ["exabgp.api.pipename=\(pipeName)"]
        let arguments = ["--root", rig.folder, "--env", "/etc/exabgp/exabgp.env"] + words
        return try await rig.run("/usr/bin/env", settings + ["/usr/bin/exabgp-cli"] + arguments, name: "exabgp-cli").end()
    }
}
