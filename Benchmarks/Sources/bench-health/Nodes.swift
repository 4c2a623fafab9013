import BenchSupport
import Foundation

/// The nodes that are checked: one process that takes whoever connects to any loopback address of this host, and counts.
final class Nodes {
    /// What the nodes do.
    enum Manner: String {
        /// They take connections and close them.
        case taking
        /// They answer an HTTP request with 200.
        case answering
        /// They take connections into their queue and do nothing with them.
        case hanging
    }

    let port: String
    private let process: ChildProcess
    private let counter: FileHandle
    private let path: String

    init(_ manner: Manner, programs: String) throws {
        path = NSTemporaryDirectory() + "lbaas-nodes-\(UUID())"
        process = try ChildProcess([programs + "/health-nodes", "--counter", path, "--" + manner.rawValue], readsOutput: true)
        guard let port = process.readLine(), Int(port) != nil else { throw BenchFailure("health-nodes did not start") }
        self.port = port
        guard let counter = FileHandle(forReadingAtPath: path) else { throw BenchFailure("health-nodes has no counter") }
        self.counter = counter
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// How many connections were taken so far.
    var count: UInt64 {
        get throws {
            try counter.seek(toOffset: 0)
            let bytes = try counter.read(upToCount: 8) ?? Data()
            return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// The processor time that they have used, in seconds.
    var processorTime: Double { process.cpuMicroseconds / 1e6 }
}
