import Glibc
import HostSystem
import JSON

/// Watches a folder of manifests, on one thread: a full state without an API server.
package enum ManifestWatch {
    /// Starts to watch a folder. Files whose names end with `.json`, `.yaml` or `.yml` count, and not those that begin with a dot.
    ///
    /// A file counts as changed when it was written and closed, or when another took its name. The second is the better way: it is never seen
    /// half written.
    ///
    /// - Parameter receive: is called by the thread.
    /// - Throws: `exhausted`.
    package static func start(
        _ folder: String, _ receive: @escaping @Sendable (ClusterUpdate) -> Void
    ) throws(KubernetesError) -> ClusterSource {
        let waker = Waker()
        return try ClusterSource(wake: waker.wake) { control in
            guard let tokenizer = JSONTokenizer() else {
                return receive(.trouble(about: folder, "there is no memory for a reader of JSON"))
            }
            var manifests = ManifestFolder(folder, tokenizer)
            while !control.isCancelled {
                // It is watched before it is read, so that nothing is missed between the two.
                let notices = FolderNotices(folder)
                var isSame = true
                while isSame, !control.isCancelled {
                    for update in manifests.read() { receive(update) }
                    _ = waker.wait(until: Deadline(in: notices.pause), watching: notices.descriptor, for: POLLIN)
                    isSame = notices.take()
                }
            }
        }
    }
}

/// What the kernel tells of a folder.
private struct FolderNotices: ~Copyable {
    private let queue: Descriptor
    private let isWatching: Bool

    /// The queue; negative where there is none.
    var descriptor: Int32 { queue.number }

    /// After how long the folder is looked at without a notice. File systems of a network have none of what others change.
    var pause: Duration { isWatching ? .seconds(30) : .seconds(1) }

    init(_ folder: String) {
        queue = Descriptor(owning: inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC)))
        let mask =
            UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM) | UInt32(IN_DELETE) | UInt32(IN_DELETE_SELF)
            | UInt32(IN_MOVE_SELF) | UInt32(IN_ONLYDIR) | UInt32(IN_CREATE)
        isWatching = unsafe queue.number >= 0 && inotify_add_watch(queue.number, folder, mask) >= 0
    }

    /// Takes what was told.
    ///
    /// - Returns: false where the folder itself went, or never was there.
    func take() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var isSame = isWatching
        while case .bytes(let count) = queue.read(into: &buffer) {
            var place = 0
            // A notice: the number of the watch, what happened, a number, the length of the name, and the name.
            while place + 16 <= count {
                let (mask, length) = buffer.withUnsafeBytesOfNotice(at: place)
                let gone = UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(IN_IGNORED) | UInt32(IN_UNMOUNT)
                if mask & gone != 0 { isSame = false }
                place += 16 + Int(length)
            }
        }
        return isSame
    }
}

extension [UInt8] {
    /// What happened, and the length of the name, of the notice that begins here. There are 16 bytes.
    fileprivate func withUnsafeBytesOfNotice(at place: Int) -> (mask: UInt32, length: UInt32) {
        unsafe withUnsafeBytes { bytes in
            unsafe (
                bytes.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self),
                bytes.loadUnaligned(fromByteOffset: place + 12, as: UInt32.self)
            )
        }
    }
}
