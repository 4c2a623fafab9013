import Foundation
import Glibc
import Synchronization
import TestSupport

/// A process at ExaBGP's end of the pipes that writes the same bytes without end, whatever it is asked.
final class HostilePeer: Sendable {
    private let isOver = Atomic(false)
    private let ended = DispatchSemaphore(value: 0)

    /// A peer that writes from now on.
    init(in folder: TemporaryFolder, writes text: String) throws {
        try FakeExaBGP.makePipes(in: folder)
        let pipes = ["exabgp.in", "exabgp.out"].map { open(folder.file($0), O_RDWR | O_NONBLOCK | O_CLOEXEC) }
        guard pipes.allSatisfy({ $0 >= 0 }) else { throw systemError("open") }
        let bytes = Array(text.utf8)
        Thread.detachNewThread { [self] in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while !isOver.load(ordering: .relaxed) {
                var polled = [
                    pollfd(fd: pipes[0], events: Int16(POLLIN), revents: 0), pollfd(fd: pipes[1], events: Int16(POLLOUT), revents: 0),
                ]
                _ = poll(&polled, 2, 5)
                if polled[0].revents != 0 { _ = read(pipes[0], &buffer, buffer.count) }
                if polled[1].revents != 0 { _ = write(pipes[1], bytes, bytes.count) }
            }
            for pipe in pipes { close(pipe) }
            ended.signal()
        }
    }

    /// Ends it. It is gone when this returns.
    func end() {
        isOver.store(true, ordering: .relaxed)
        ended.wait()
    }
}
