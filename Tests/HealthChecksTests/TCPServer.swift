import Dispatch
import Foundation
import Glibc
import LBaaS
import Synchronization
import TestSupport

/// A TCP server on this host that does one thing with each connection, on a thread for each. It ends with this value.
final class TCPServer: Sendable {
    /// What it does with a connection when a request has come.
    enum Manner: Sendable {
        /// Writes this and hangs up.
        case answer(String)
        /// Says nothing, until the client goes.
        case silence
        /// Writes this, a byte each so many milliseconds.
        case drip(String, milliseconds: Int32)
        /// Writes this, and then so many bytes of nothing much.
        case flood(String, bytes: Int)
        /// Hangs up.
        case hangUp
    }

    let port: UInt16
    private let service: Service
    private let loop: Loop

    init(_ manner: Manner, address: IPAddress = loopback, port: UInt16 = 0) throws {
        let listener = try Socket(.tcp, for: address)
        try listener.bind(to: address, port: port)
        try listener.listen()
        self.port = listener.port
        let service = Service(manner)
        self.service = service
        loop = Loop {
            guard listener.waits(for: POLLIN, milliseconds: 10), let connection = listener.accept() else { return }
            service.begin(with: connection)
        }
    }

    deinit { service.stop() }

    /// What the clients said.
    var requests: [String] { service.requests.all }

    /// How many bytes it could send.
    var sent: Int { service.sent.load(ordering: .relaxed) }

    /// How many connections it has now.
    var connections: Int { service.connections.load(ordering: .relaxed) }
}

/// What a server does with its connections.
private final class Service: Sendable {
    let requests = Record<String>()
    let sent = Atomic<Int>(0)
    let connections = Atomic<Int>(0)
    private let manner: TCPServer.Manner
    private let isStopped = Atomic<Bool>(false)
    private let threads = DispatchGroup()

    init(_ manner: TCPServer.Manner) { self.manner = manner }

    /// Ends all connections.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        threads.wait()
    }

    func begin(with connection: Socket) {
        threads.enter()
        connections.add(1, ordering: .relaxed)
        Thread.detachNewThread { [self] in
            serve(connection)
            connections.subtract(1, ordering: .relaxed)
            threads.leave()
        }
    }

    private func serve(_ connection: Socket) {
        guard let request = try? connection.receive(until: Deadline(seconds: 5)), !request.isEmpty else { return }
        requests.add(request)
        switch manner {
        case .answer(let text): write(text, to: connection)
        case .silence: while !isStopped.load(ordering: .relaxed), !connection.waits(for: POLLIN, milliseconds: 10) {}
        case .drip(let text, let milliseconds):
            for byte in text.utf8 {
                guard write(String(UnicodeScalar(byte)), to: connection) else { return }
                if connection.waits(for: POLLIN, milliseconds: milliseconds) || isStopped.load(ordering: .relaxed) { return }
            }
        case .flood(let text, let bytes):
            guard write(text, to: connection) else { return }
            let piece = String(repeating: "x", count: 1 << 16)
            for _ in 0..<(bytes >> 16) where !write(piece, to: connection) { return }
        case .hangUp: break
        }
    }

    /// Writes all of it; false where the client has gone, or the server ends.
    @discardableResult
    private func write(_ text: String, to connection: Socket) -> Bool {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { send(connection.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno != EAGAIN || isStopped.load(ordering: .relaxed) { return false }
            if count < 0 { _ = connection.waits(for: POLLOUT, milliseconds: 10) }
            start += max(count, 0)
            sent.add(max(count, 0), ordering: .relaxed)
        }
        return true
    }
}

extension Socket {
    /// Waits so long for something to happen; whether it did.
    func waits(for event: Int32, milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        return poll(&entry, 1, milliseconds) > 0
    }
}
