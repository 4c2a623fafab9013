import Foundation
import Glibc
import Synchronization
import TestSupport

/// A TCP relay to a port, whose connections can be cut or held up.
package final class Relay: Sendable {
    /// What it does with connections.
    package enum Mode: Hashable, Sendable {
        /// It passes everything on.
        case open
        /// It closes all connections, and each new one.
        case cut
        /// It takes connections and passes nothing on: what comes meanwhile is lost with its connection at the end.
        case held
        /// It passes on requests, and no answers: those are lost with their connection at the end.
        case mute
        /// It passes on each piece of a request so much later.
        case slow(Duration)
    }

    private struct State: Sendable {
        var mode = Mode.open
        var isOver = false
        var sockets: [LoopbackSocket] = []
    }

    /// Where it listens.
    package let port: UInt16
    private let target: Mutex<UInt16>
    private let listener: LoopbackSocket
    private let state = Mutex(State())

    /// A relay to a port of 127.0.0.1, until `end`.
    ///
    /// - Parameter namespace: where it listens, on the loopback interface; nil for where the calling thread is.
    package init(to target: UInt16, listeningIn namespace: Namespace? = nil) throws {
        self.target = Mutex(target)
        let port = try freePort()
        self.port = port
        func listen() throws -> LoopbackSocket { try LoopbackSocket.bound(port: port, listens: true) }
        listener = try namespace?.run(listen) ?? listen()
        Thread.detachNewThread { [self] in accept() }
    }

    /// Changes what it does.
    package func set(_ mode: Mode) {
        let sockets = state.withLock { state in
            defer { state.mode = mode }
            // What was held up is not passed on later.
            if mode == .cut || ([.held, .mute].contains(state.mode) && mode == .open) {
                defer { state.sockets = [] }
                return state.sockets
            }
            return []
        }
        for socket in sockets { socket.shut() }
    }

    /// Closes all connections, and makes new ones to another port.
    package func turn(to port: UInt16) {
        target.withLock { $0 = port }
        set(.cut)
        set(.open)
    }

    /// Closes everything.
    package func end() {
        state.withLock { $0.isOver = true }
        listener.shut()
        set(.cut)
    }

    private func accept() {
        while let client = listener.accepted(), !state.withLock({ $0.isOver }) {
            guard state.withLock({ $0.mode }) != .cut, let server = try? LoopbackSocket.connected(to: target.withLock { $0 }) else {
                continue
            }
            let isCut = state.withLock { state in
                state.sockets += [client, server]
                return state.mode == .cut
            }
            if isCut { continue }
            for (from, to, isRequest) in [(client, server, true), (server, client, false)] {
                Thread.detachNewThread { [self] in copy(from, to, isRequest: isRequest) }
            }
        }
    }

    private func copy(_ from: LoopbackSocket, _ to: LoopbackSocket, isRequest: Bool) {
        while let bytes = try? from.receive(), !bytes.isEmpty {
            let mode = state.withLock { $0.mode }
            if mode == .held || (mode == .mute && !isRequest) { continue }
            if isRequest, case .slow(let time) = mode { usleep(UInt32(time / .microseconds(1))) }
            guard (try? to.send(bytes)) != nil else { break }
        }
        from.shut()
        to.shut()
        state.withLock { $0.sockets.removeAll { $0 === from || $0 === to } }
    }
}
