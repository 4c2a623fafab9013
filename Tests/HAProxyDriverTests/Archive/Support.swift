import Foundation
import LBaaS
import ObjectStores
import Synchronization
import TestSupport
import Testing

@testable import HAProxyDriver

/// A clock that is a microsecond later each time it is looked at.
private final class Ticks: Sendable {
    private let microseconds: Mutex<Int64>

    init(_ start: Int64) { microseconds = Mutex(start) }

    func next() -> Timestamp {
        microseconds.withLock { microseconds in
            microseconds += 1
            return Timestamp(microseconds: microseconds)
        }
    }
}

/// A collector in a folder of its own.
final class Shelf: Sendable {
    let folder: TemporaryFolder
    let told = LogRecord()
    let collector: LogCollector

    /// - Parameters:
    ///   - folder: one that another collector used before.
    ///   - time: when it begins, in microseconds; each look at the clock is one later.
    init(in folder: TemporaryFolder? = nil, limit: UInt64 = LogCollector.defaultLimit, time: Int64 = 1_389_280_305_704_754) throws {
        let folder = try folder ?? TemporaryFolder()
        let clock = Ticks(time)
        self.folder = folder
        collector = try LogCollector(
            folder: folder.file("logs"), pipePath: folder.file("log.pipe"), socketPath: folder.file("log.sock"), limit: limit,
            log: told.log,
            now: { clock.next() })
    }

    /// Writes bytes to the pipe, as haproxy does.
    func write(_ text: String) throws {
        let file = open(folder.file("log.pipe"), O_WRONLY | O_NONBLOCK)
        if file < 0 { throw systemError("open") }
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw systemError("write") }
    }

    /// Writes a log line of a load balancer to the pipe.
    func write(_ message: String, of name: String) throws { try write("<134>1 T - \(name) 1 - - \(message)\n") }

    /// The messages that are kept of a load balancer, the oldest first.
    func messages(of name: String) throws -> [String] {
        let path = folder.file("logs/" + LogStore.fileName(name))
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? []
        return try names.flatMap { try messagesOfLog(String(contentsOfFile: path + "/" + $0, encoding: .utf8)) }
    }
}

extension ArchiveEndpoints {
    /// Stores on loopback, where those of tests are.
    static let loopback = (try? ArchiveEndpoints(["127.0.0.0/8", "::1", "localhost"])) ?? .usual
}

/// The message of the error that is thrown, if one is.
func refusal(_ body: () throws(DriverError) -> Void) -> String? {
    do throws(DriverError) {
        try body()
        return nil
    } catch {
        return error.message
    }
}
