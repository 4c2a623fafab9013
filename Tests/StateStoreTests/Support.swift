import CSQLite
import Foundation
import StateStore
import TestSupport
import Testing

/// The state goes into a folder inside that is not there yet.
extension TemporaryFolder {
    var state: String { path + "/state" }
    var file: String { state + "/state.sqlite" }
    var log: String { file + "-wal" }

    /// Every file of the state folder with its bytes.
    func contents() throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: state) {
            contents[name] = try Data(contentsOf: URL(fileURLWithPath: state + "/" + name))
        }
        return contents
    }

    /// Carries writes out in a store that is closed again.
    func commit(_ writes: [StateWrite]...) throws {
        let store = try StateStore(folder: state)
        for writes in writes { try store.commit(writes) }
    }

    /// What a store finds that is opened anew.
    func reopened() throws -> StoredState { try StateStore(folder: state).load() }

    /// Why the state is not opened; nil where it is.
    func refusal() -> StateStoreError? {
        do throws(StateStoreError) {
            _ = try StateStore(folder: state)
            return nil
        } catch {
            return error
        }
    }

    /// Puts files there, as a crash left them.
    func place(_ contents: [String: Data]) throws {
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: false)
        for (name, bytes) in contents { try bytes.write(to: URL(fileURLWithPath: state + "/" + name)) }
    }

    /// Puts a file there that this SQL makes.
    func place(sql: String) throws {
        try FileManager.default.removeItem(atPath: file)
        try alter(sql)
    }

    /// Runs SQL on the state file as a stranger would, and something else before the file is closed.
    func alter(_ sql: String, whileOpen body: () throws -> Void = {}) throws {
        var handle: OpaquePointer?
        defer { sqlite3_close_v2(handle) }
        try #require(sqlite3_open(file, &handle) == SQLITE_OK)
        try #require(sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK, "\(String(cString: sqlite3_errmsg(handle)))")
        try body()
    }
}

func row(_ id: String, _ text: String = "text", isSuspended: Bool = false, createdAt: Int64 = 1) -> StoredLoadBalancerRow {
    StoredLoadBalancerRow(id: id, text: Array(text.utf8), isSuspended: isSuspended, createdAt: createdAt)
}

func traffic(_ id: String, bytes: UInt64 = 1, run: UInt64 = 2, reportedAt: Int64 = 3) -> StoredTraffic {
    StoredTraffic(id: id, unreported: 0, readings: [.init(run: run, bytes: bytes)], reportedAt: reportedAt)
}
