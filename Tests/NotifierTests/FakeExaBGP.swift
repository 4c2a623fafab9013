import Foundation
import Glibc
import Synchronization
import TestSupport

/// ExaBGP's side of its named pipes, as exabgp 4.2 behaves: it answers a line at a time, opens the pipe of the answers for each, and keeps
/// answers that nobody reads.
final class FakeExaBGP: Sendable {
    /// What it does with commands.
    enum Mood: Sendable {
        case right
        /// It reads, and does not answer.
        case mute
        /// It answers `error` to every route.
        case refusing
    }

    private struct State: Sendable {
        var routes: [String] = []
        var commands: [String] = []
        var unread: [String] = []
        var peers = ["192.0.2.1"]
        var mood = Mood.right
        var isOver = false
    }

    private let folder: TemporaryFolder
    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)

    /// An ExaBGP that begins to read.
    init(in folder: TemporaryFolder, routes: [String] = [], unread: [String] = [], mood: Mood = .right) throws {
        self.folder = folder
        state.withLock { state in
            state.routes = routes
            state.unread = unread
            state.mood = mood
        }
        try Self.makePipes(in: folder)
        let commands = open(folder.file("exabgp.in"), O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard commands >= 0 else { throw systemError("open") }
        Thread.detachNewThread {
            self.run(commands)
            close(commands)
            self.ended.signal()
        }
    }

    deinit { state.withLock { $0.isOver = true } }

    static func makePipes(in folder: TemporaryFolder) throws {
        for name in ["exabgp.in", "exabgp.out"] where mkfifo(folder.file(name), 0o600) != 0 && errno != EEXIST {
            throw systemError("mkfifo")
        }
    }

    /// The routes that it announces, in order.
    var routes: [String] { state.withLock { $0.routes.sorted() } }

    /// The commands that it got to change routes.
    var commands: [String] { state.withLock { $0.commands } }

    func forgetCommands() { state.withLock { $0.commands = [] } }

    func change(_ change: (inout [String]) -> Void) { state.withLock { change(&$0.routes) } }

    func addPeer(_ peer: String) { state.withLock { $0.peers.append(peer) } }

    func become(_ mood: Mood) { state.withLock { $0.mood = mood } }

    /// Ends it. It is gone when this returns.
    func end() {
        state.withLock { $0.isOver = true }
        ended.wait()
    }

    private func run(_ commands: Int32) {
        var input = ""
        while !state.withLock({ $0.isOver }) {
            var polled = pollfd(fd: commands, events: Int16(POLLIN), revents: 0)
            var buffer = [UInt8](repeating: 0, count: 1024)
            if poll(&polled, 1, 5) > 0 {
                let count = read(commands, &buffer, buffer.count)
                if count > 0 { input += String(decoding: buffer[..<count], as: UTF8.self) }
            }
            while let end = input.firstIndex(of: "\n") {
                let answer = self.answer(String(input[..<end]))
                state.withLock { $0.unread += answer }
                input.removeSubrange(...end)
            }
            deliver()
        }
    }

    private func answer(_ command: String) -> [String] {
        state.withLock { state in
            if state.mood == .mute { return [] }
            switch command {
            case "#": return ["done"]
            case "reset": return []
            case "show adj-rib out":
                return state.peers.flatMap { peer in state.routes.map { "neighbor \(peer) ipv4 unicast \($0) next-hop self" } } + ["done"]
            case "show neighbor summary":
                return ["Peer AS up/down state"] + state.peers.map { "\($0) 65002 0:00:34 established" } + ["done"]
            default: break
            }
            let words = command.split(separator: " ").map(String.init)
            guard let verb = words.firstIndex(where: { $0 == "announce" || $0 == "withdraw" }), words.count > verb + 2 else {
                return ["error"]
            }
            state.commands.append(command)
            if state.mood == .refusing { return ["error"] }
            state.routes.removeAll { $0 == words[verb + 2] }
            if words[verb] == "announce" { state.routes.append(words[verb + 2]) }
            return ["done"]
        }
    }

    /// Writes what waits, as far as somebody reads.
    private func deliver() {
        while let line = state.withLock({ $0.unread.first }) {
            let answers = open(folder.file("exabgp.out"), O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            guard answers >= 0 else { return }
            let text = line + "\n"
            let count = write(answers, text, text.utf8.count)
            close(answers)
            if count <= 0 { return }
            state.withLock { _ = $0.unread.removeFirst() }
        }
    }
}
