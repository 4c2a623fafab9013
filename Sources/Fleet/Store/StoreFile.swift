import CSQLite
import Glibc
import HostSystem
import LBaaS
import SQLite

/// The clock of lifetimes, which counts from one start of the host to the next.
struct StoreClock: Sendable {
    /// The id of the start of the host.
    let boot: String
    /// The time since then.
    let now: @Sendable () -> Duration

    /// The clock of the system.
    static var system: StoreClock {
        let boot = (try? RegularFile.read("/proc/sys/kernel/random/boot_id", limit: 64)).map { String(decoding: $0.bytes, as: UTF8.self) }
        return StoreClock(boot: boot ?? "", now: Clock.bootTime)
    }
}

/// The file of a store, and what its failures mean.
enum StoreFile {
    /// "LBFS", which tells our files from other SQLite files.
    static let applicationID: Int64 = 0x4C42_4653
    /// The version of the tables.
    static let version: Int64 = 1

    /// The file in a folder.
    static func path(in folder: String) -> String { folder + "/fleet.sqlite" }

    /// Makes folder and file where they are missing; returns the file's path.
    static func prepare(folder: String) throws(FleetStoreError) -> String {
        if unsafe mkdir(folder, 0o700) != 0, errno != EEXIST {
            throw FleetStoreError(
                .denied, "cannot make the folder \(folder) of the store: \(errorText(errno)); make it by hand, for the user of lbaas-server"
            )
        }
        if let mode = FolderAccess.modeOpenToAll(folder) {
            throw FleetStoreError(
                .denied, "the folder \(folder) of the store can be written by every user (mode \(mode)); take that away with chmod 0700")
        }
        let path = path(in: folder)
        // What it holds is for the servers alone, and so are its log and its index, which SQLite makes with the same mode.
        let descriptor = unsafe Descriptor(owning: open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600))
        guard descriptor.number >= 0 else {
            throw FleetStoreError(
                .denied, "cannot open the store \(path): \(errorText(errno)); look at its owner and mode, and at its folder's")
        }
        return path
    }

    /// A failure as a sentence.
    static func error(_ failure: Database.Failure, path: String) -> FleetStoreError {
        let what = "\(path): \(failure.message.split(separator: "\n").joined(separator: " "))"
        switch failure.code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED:
            return FleetStoreError(.unavailable, "\(what): another process holds the store; try again")
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR:
            return FleetStoreError(.damaged, "\(what): the store cannot be trusted; restore the file from a backup")
        case SQLITE_MISMATCH:
            return FleetStoreError(.damaged, "\(what): run the newer lbaas-server, or restore a backup from before the upgrade")
        case SQLITE_FULL: return FleetStoreError(.full, "\(what): make room on the disk of the store", mayBeApplied: true)
        case SQLITE_IOERR:
            return FleetStoreError(.unavailable, "\(what): the disk of the store fails; look at its health", mayBeApplied: true)
        case SQLITE_NOMEM: return FleetStoreError(.exhausted, what)
        default: return FleetStoreError(.denied, "\(what): look at the owner and the mode of the file and its folder")
        }
    }
}

/// A connection to the file, which one thread at a time uses.
///
/// It is safe: the tables are used between taking and returning the permit alone, and nowhere else.
final class StoreConnection: @unchecked Sendable {
    private let path: String
    private let tables: StoreTables
    private let permit = TimedLock()

    /// - Parameter open: opens the file.
    init(path: String, _ open: () throws(Database.Failure) -> StoreTables) throws(FleetStoreError) {
        self.path = path
        do throws(Database.Failure) {
            tables = try open()
        } catch {
            throw StoreFile.error(error, path: path)
        }
    }

    /// Does something with the tables.
    ///
    /// - Parameter limit: how long to wait for other threads and processes.
    func use<Value>(
        within limit: Duration, _ body: (StoreTables) throws(Database.Failure) -> Value
    ) throws(FleetStoreError) -> Value {
        let deadline = Deadline(in: limit)
        guard permit.lock(until: deadline) else {
            throw FleetStoreError(.unavailable, "\(path): the store is busy with other requests of this server; try again")
        }
        defer { permit.unlock() }
        do throws(Database.Failure) {
            tables.setLockLimit(deadline.milliseconds)
            return try body(tables)
        } catch {
            throw StoreFile.error(error, path: path)
        }
    }
}
