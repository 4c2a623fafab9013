import Dispatch
import Foundation
import Glibc
import Synchronization
import TestSupport

/// A server on a thread of its own that tells its name: at once to whoever connects, and with everything that it sends back.
final class Server: Sendable {
    private let name: String
    private let hangsUp: Bool
    private let wake: (reading: Int32, writing: Int32)
    private let isStopped = Atomic<Bool>(false)
    // Until the thread has them: what it works with is closed when it ends.
    private let initial: Mutex<[Int32: Worked]>
    private let end = DispatchSemaphore(value: 0)

    private typealias Worked = (role: Role, socket: Socket)

    private enum Role {
        case listener, datagrams, connection
    }

    /// Starts it.
    ///
    /// - Parameters:
    ///   - hangsUp: whether it closes a connection as soon as it has told its name; else it leaves that to the client.
    init(name: String, listeners: [Socket], datagrams: [Socket], hangsUp: Bool) throws {
        self.name = name
        self.hangsUp = hangsUp
        var pipe: [Int32] = [0, 0]
        guard Glibc.pipe(&pipe) == 0 else { throw systemError("cannot make a pipe") }
        for descriptor in pipe { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        wake = (pipe[0], pipe[1])
        let worked = listeners.map { ($0.descriptor, (Role.listener, $0)) } + datagrams.map { ($0.descriptor, (Role.datagrams, $0)) }
        initial = Mutex(Dictionary(uniqueKeysWithValues: worked))
        Thread.detachNewThread { [self] in
            serve(initial.withLock { exchange(&$0, with: [:]) })
            end.signal()
        }
    }

    /// Ends it with all its connections, and waits until they are closed.
    func stop() {
        guard isStopped.exchange(true, ordering: .relaxed) == false else { return }
        close(wake.writing)
        end.wait()
        close(wake.reading)
    }

    private func serve(_ sockets: consuming [Int32: Worked]) {
        while true {
            var entries = ([wake.reading] + sockets.keys).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&entries, nfds_t(entries.count), -1) > 0 else { continue }
            if entries[0].revents != 0 { return }
            for entry in entries where entry.revents != 0 {
                guard let (role, socket) = sockets[entry.fd] else { continue }
                switch role {
                case .datagrams: socket.answerDatagram { "\(name) \($0)" }
                case .listener:
                    guard let connection = socket.accept(), (try? connection.send("\(name)\n")) != nil, !hangsUp else { continue }
                    sockets[connection.descriptor] = (.connection, connection)
                case .connection:
                    if !echo(on: socket) { sockets[entry.fd] = nil }
                }
            }
        }
    }

    /// Sends back what came; false at the end of the connection.
    private func echo(on connection: Socket) -> Bool {
        guard let text = try? connection.receive(until: Deadline(seconds: 0)), !text.isEmpty else { return false }
        return (try? connection.send("\(name) \(text)")) != nil
    }
}
