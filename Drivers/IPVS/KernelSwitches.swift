import Glibc

/// The switches of the kernel that `sysctl` knows, by names such as `net.ipv4.ip_forward`.
package struct KernelSwitches: Sendable {
    /// Reads a switch; nil where there is none of this name.
    let read: @Sendable (_ name: String) -> String?
    /// Sets a switch; false where that is not allowed, or there is none of this name.
    let write: @Sendable (_ name: String, _ value: String) -> Bool

    package init(read: @escaping @Sendable (String) -> String?, write: @escaping @Sendable (String, String) -> Bool) {
        self.read = read
        self.write = write
    }

    /// Those of the network namespace of the thread that asks.
    package static let proc = KernelSwitches(
        read: { name in
            let file = unsafe open(path(name), O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { return nil }
            defer { close(file) }
            var bytes = [UInt8](repeating: 0, count: 32)
            let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
            guard count > 0 else { return nil }
            return String(decoding: bytes[..<count].prefix { $0 != 10 }, as: UTF8.self)
        },
        write: { name, value in
            let file = unsafe open(path(name), O_WRONLY | O_CLOEXEC)
            guard file >= 0 else { return false }
            defer { close(file) }
            return unsafe Glibc.write(file, value, value.utf8.count) == value.utf8.count
        })

    private static func path(_ name: String) -> String { "/proc/sys/" + String(name.map { $0 == "." ? "/" : $0 }) }
}
