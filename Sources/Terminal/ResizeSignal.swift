import CLinux
import Glibc
import HostSystem

/// Tells when the terminal gets another size.
package struct ResizeSignal: ~Copyable {
    private let source: Descriptor

    /// What can be read once the size is another one; negative where the system has none to spare.
    package var descriptor: Int32 { source.number }

    /// Takes over the signal of the process. To be made before any other thread.
    package init() {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGWINCH)
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        source = Descriptor(owning: unsafe signalfd(-1, &set, O_CLOEXEC | O_NONBLOCK))
    }

    /// Takes note of all that came.
    package borrowing func clear() {
        var buffer = [UInt8](repeating: 0, count: MemoryLayout<signalfd_siginfo>.size)
        while case .bytes = source.read(into: &buffer) {}
    }
}
