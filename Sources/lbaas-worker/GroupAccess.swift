import DaemonSupport
import Glibc
import HostSystem
import LBaaS

/// What in the system keeps members of `operators` and `viewers` from the API's socket, although the configuration lets them.
enum GroupAccess {
    /// Why this process cannot tell that a client is in one of these groups; nil where it can. In a user namespace of its own all groups that
    /// are not mapped into it are one.
    ///
    /// - Parameter map: what `/proc/self/gid_map` has: lines of the first group inside, the first outside, and their number.
    static func objection(to groups: Set<UInt32>, map: String) -> String? {
        let ranges = map.split(separator: "\n").compactMap { line -> Range<UInt64>? in
            let numbers = line.split(separator: " ").compactMap { UInt64($0) }
            return numbers.count == 3 && max(numbers[0], numbers[2]) <= 1 << 32 ? numbers[0]..<(numbers[0] + numbers[2]) : nil
        }
        if ranges.isEmpty || groups.allSatisfy({ group in ranges.contains { $0.contains(UInt64(group)) } }) { return nil }
        return "members of the groups are refused, because PrivateUsers=yes of the unit hides of which groups a client is; "
            + "turn on the drop-in lbaas-worker-groups.conf"
    }

    /// Why members of these groups cannot get to the socket in a folder; nil where they can.
    static func objection(to groups: Set<UInt32>, folder: String) -> String? {
        var status = stat()
        guard unsafe stat(folder, &status) == 0, status.st_mode & 0o001 == 0 else { return nil }
        if status.st_mode & 0o010 != 0, groups == [status.st_gid] { return nil }
        return "members of the groups cannot get to the socket, because nobody else may enter its folder \(quoted(folder)); the unit needs "
            + "RuntimeDirectoryMode=0755"
    }
}

extension APISettings {
    /// What keeps members of `operators` and `viewers` from the socket, each with its key.
    func doubts() -> [StartupFailure] {
        let groups = Set((operators + viewers).compactMap { name in try? AccountDatabase.group(name) })
        guard let socket, !groups.isEmpty else { return [] }
        let map = (try? RegularFile.read("/proc/self/gid_map", limit: 1 << 16).bytes) ?? []
        let objections = [
            GroupAccess.objection(to: groups, map: String(decoding: map, as: UTF8.self)),
            GroupAccess.objection(to: groups, folder: socket.lastIndex(of: "/").map { String(socket[..<$0]) } ?? "."),
        ]
        let key = operators.isEmpty ? "viewers" : "operators"
        return objections.compactMap { $0 }.map { StartupFailure(.config, "[api] \(key): \($0)") }
    }
}
