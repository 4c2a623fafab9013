import FleetStore
import Glibc

/// A server that counts in a store, for tests that kill it.
///
/// Usage: `fleet-store-process FOLDER NAME COUNT`. It adds 1 to the keys `count` and `same` in one transaction, so many times, and 1 to the key
/// of its name. Each that is committed is a line of standard output with the new number of `count`.
@main enum FleetStoreProcess {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let count = Int(arguments[3]) else { exit(64) }
        let store = try SQLiteStore(folder: arguments[1])
        var done = 0
        while done < count {
            let names = ["count", "same", arguments[2]]
            var transaction = StoreTransaction()
            var number = 0
            for name in names {
                let entry = try store.get(name)
                let next = (entry.flatMap { Int(String(decoding: $0.value, as: UTF8.self)) } ?? 0) + 1
                transaction.replace(name, revision: entry?.revision ?? 0, with: Array("\(next)".utf8))
                if name == "count" { number = next }
            }
            do throws(FleetStoreError) {
                try store.commit(transaction)
            } catch {
                guard error.code == .conflict else { throw error }
                continue
            }
            done += 1
            let line = Array("\(number)\n".utf8)
            guard write(STDOUT_FILENO, line, line.count) == line.count else { exit(74) }
        }
    }
}
