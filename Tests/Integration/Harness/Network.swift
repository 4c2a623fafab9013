import Glibc
import TestSupport
import Synchronization
import WorkerHarness

/// A router, and ExaBGP peered with it.
final class Network: Sendable {
    let rig: Rig
    let bird: Bird
    let speaker: ExaBGP
    private let processes: Mutex<(router: ChildProcess, exabgp: ChildProcess)>

    init(_ rig: Rig) throws {
        self.rig = rig
        bird = try Bird(rig, address: "127.0.0.2", port: try freePort())
        speaker = try ExaBGP(rig, peers: [bird])
        processes = Mutex((try bird.start(), try speaker.start()))
    }

    var router: ChildProcess { processes.withLock { $0.router } }
    var exabgp: ChildProcess { processes.withLock { $0.exabgp } }

    func startRouter() throws {
        let started = try bird.start()
        processes.withLock { $0.router = started }
    }

    func startExaBGP() throws {
        let started = try speaker.start()
        processes.withLock { $0.exabgp = started }
    }

    /// The section `[notifier:bgp]` of a worker that announces its services here.
    var section: [String: String] {
        [
            "pipe_in": speaker.commands, "pipe_out": speaker.answers, "next_hop": "10.0.0.9", "next_hop_v6": "fd00::9", "med": "100",
            "communities": "65000:1 64496:1:2",
        ]
    }
}
