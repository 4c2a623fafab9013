import DaemonSupport
import HostSystem
import Synchronization

/// Signals as a test sends them.
final class ScriptedSignals: SignalSource {
    private let sent = Mutex<[Int32]>([])
    private let waker = Waker()

    func send(_ signal: Int32) {
        sent.withLock { $0.append(signal) }
        waker.wake()
    }

    func wake() { waker.wake() }

    func next(until deadline: Deadline) -> ReceivedSignal? {
        if let signal = take() { return signal }
        _ = waker.wait(until: deadline, watching: -1)
        return take()
    }

    private func take() -> ReceivedSignal? { sent.withLock { $0.isEmpty ? nil : ReceivedSignal($0.removeFirst()) } }
}
