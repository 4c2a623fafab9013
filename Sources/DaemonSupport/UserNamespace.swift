import HostSystem

/// The user namespace of this process, in which others may have no number of their own.
package enum UserNamespace {
    /// Whether the kernel tells this process of a group by its number, where it tells who is at the other end of a socket. A group that the
    /// namespace does not have is told as another one.
    package static func has(group: UInt32) -> Bool {
        guard let text = try? RegularFile.read("/proc/self/gid_map", limit: 1 << 16).bytes else { return true }
        return has(group, in: String(decoding: text, as: UTF8.self))
    }

    /// Whether a map has a number.
    ///
    /// - Parameter map: as `/proc/PID/gid_map` is: the first number inside, that outside, and how many, in each line. An empty one has all.
    static func has(_ id: UInt32, in map: String) -> Bool {
        let ranges = map.split(separator: "\n").map { $0.split(separator: " ").compactMap { UInt64($0) } }.filter { $0.count == 3 }
        return ranges.isEmpty || ranges.contains { $0[0] <= id && UInt64(id) - $0[0] < $0[2] }
    }
}
