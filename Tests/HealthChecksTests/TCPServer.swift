import Dispatch
import Foundation
import Glibc
import LBaaS
import Synchronization
import TestSupport

/// A TCP server on this host that does one thing with each connection, on a thread for each.
final class TCPServer: Sendable {
    /// What it does with a connection when a request has come.
    enum Manner: Sendable {
        /// Writes this and hangs up.
        case answer(String)
        /// Says nothing, until the client goes.
        case silence
        /// Writes this, a byte each so many milliseconds.
        case drip(String, milliseconds: UInt32)
        /// Writes this, and then this many bytes of nothing much.
        case flood(String, bytes: Int)
        /// Hangs up.
        case hangUp
    }

    let port: UInt16
    /// What the clients said.
    let requests = Record<String>()
    /// How many bytes it could send.
    let sent = Atomic<Int>(0)
    private let manner: Manner
    private let listener: Socket
    private let isStopped = Atomic<Bool>(false)
    private let threads = DispatchGroup()

    /// Starts it.
    ///
    /// - Parameter speaksFirst: true where it does not wait for a request.
    init(_ manner: Manner, address: IPAddress = loopback, port: UInt16 = 0) throws {
        self.manner = manner
        listener = try Socket(.tcp, for: address)
        try listener.bind(to: address, port: port)
        try listener.listen()
        self.port = listener.port
        startThread { server in server.accept() }
    }

    deinit { stop() }

    /// Ends it with all its connections.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        shutdown(listener.descriptor, Int32(SHUT_RDWR))
        threads.wait()
    }

    private func startThread(_ body: @escaping @Sendable (TCPServer) -> Void) {
        threads.enter()
        Thread.detachNewThread { [unowned self] in
            body(self)
            threads.leave()
        }
    }

    private func accept() {
        while !isStopped.load(ordering: .relaxed) {
            _ = wait(listener.descriptor, for: POLLIN)
            if let connection = listener.accept() { startThread { server in server.serve(connection) } }
        }
    }

    private func serve(_ connection: Socket) {
        guard let request = try? connection.receive(until: Deadline(seconds: 5)), !request.isEmpty else { return }
        requests.add(request)
        switch manner {
        case .answer(let text): _ = write(text, to: connection)
        case .silence: while wait(connection.descriptor, for: POLLIN) == 0, !isStopped.load(ordering: .relaxed) {}
        case .drip(let text, let milliseconds):
            for byte in text.utf8 {
                if !write(String(UnicodeScalar(byte)), to: connection) { return }
                var entry = pollfd(fd: connection.descriptor, events: Int16(POLLIN), revents: 0)
                if poll(&entry, 1, Int32(milliseconds)) != 0 || isStopped.load(ordering: .relaxed) { return }
            }
        case .flood(let text, let bytes):
            guard write(text, to: connection) else { return }
            let piece = String(repeating: "x", count: 1 << 16)
            for _ in 0..<(bytes >> 16) where !write(piece, to: connection) { return }
        case .hangUp: break
        }
    }

    /// Writes all of it; false where the client has gone, or the server ends.
    private func write(_ text: String, to connection: Socket) -> Bool {
        var rest = Substring(text).utf8
        while !rest.isEmpty {
            let count = rest.withContiguousStorageIfAvailable {
                Glibc.send(connection.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard let count else { return false }
            if count > 0 {
                sent.add(count, ordering: .relaxed)
                rest = rest.dropFirst(count)
            } else {
                guard errno == EAGAIN, wait(connection.descriptor, for: POLLOUT) >= 0, !isStopped.load(ordering: .relaxed) else {
                    return false
                }
            }
        }
        return true
    }

    /// Waits a little while.
    private func wait(_ descriptor: Int32, for event: Int32) -> Int32 {
        var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        return poll(&entry, 1, 20)
    }
}
