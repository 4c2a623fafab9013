import CLinux
import Dispatch
import Glibc

/// Tells when a process ends, whosever child it is.
///
/// Unchecked because a source of Dispatch, which is all it has, may be used from any thread.
final class ProcessWatch: @unchecked Sendable {
    /// The process.
    let pid: Int32
    private let source: any DispatchSourceRead

    /// Watches a process from now on.
    ///
    /// - Parameter handle: called once on the queue, when the process has ended.
    /// - Returns: nil where there is no such process, with ESRCH in `errno`, or the system does not tell.
    init?(_ pid: Int32, queue: DispatchQueue, _ handle: @escaping @Sendable () -> Void) {
        let descriptor = pidfd_open(pid, 0)
        if descriptor < 0 { return nil }
        self.pid = pid
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler { [weak self] in
            self?.source.cancel()
            handle()
        }
        source.setCancelHandler { close(descriptor) }
        source.activate()
    }

    deinit { source.cancel() }
}
