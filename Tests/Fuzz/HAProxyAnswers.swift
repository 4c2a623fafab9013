import Dispatch
import Glibc
import HostSystem

@testable import HAProxyDriver

/// What haproxy answers: to `show proc`, `show info`, `show stat` and `show servers state`, and its prompts between answers.
func fuzzHAProxyAnswers(_ input: [UInt8]) {
    let answer = String(decoding: input, as: UTF8.self)
    if let table = ProcessTable(answer) { require(table.master != 0, "a master of number 0") }
    _ = ProcessInformation(answer)?.fingerprint
    for row in StatisticsRow.rows(answer) {
        require(row.isSound || !row.isUp, "up, and its checks do not pass: \(row)")
        _ = row.proxy.id
    }
    let states = ServerState.states(answer)
    // Its lines and words are Swift's characters: one that begins with a blank or ends with a line end is cut nowhere. haproxy writes none.
    let isPlain = input.allSatisfy { $0 < 0x80 && $0 != UInt8(ascii: "\r") }
    require(!isPlain || ServerState.states(ServerState.text(states)) == states, "the state file has other servers than \(answer)")
    for state in states { _ = (state.proxy, state.server, state.weight, state.endpoint, state.condition, state.isChecked) }
    FakeHAProxy.shared.ask(answeredWith: input)
}

/// A socket on which each connection gets the input, whatever it asks.
private final class FakeHAProxy: Sendable {
    static let shared = FakeHAProxy()
    /// SOCK_STREAM, which Swift does not find here: of the C libraries that are imported several have its header.
    private static let streamSocket: Int32 = 1

    private let path = (getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp") + "/fuzz-haproxy.\(getpid())"
    private let listener: HostSystem.Descriptor

    private init() {
        listener = HostSystem.Descriptor(owning: socket(AF_UNIX, Self.streamSocket, 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        unlink(path)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener.number, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        require(code == 0 && listen(listener.number, 16) == 0, "no socket at \(path): errno \(errno)")
        atexit { unlink(FakeHAProxy.shared.path) }
    }

    /// Asks three questions at once, and one alone.
    func ask(answeredWith input: [UInt8]) {
        let done = DispatchSemaphore(value: 0)
        let answer: @Sendable () -> Void = { [self] in
            for _ in 0..<2 { answerOnce(input) }
            done.signal()
        }
        require(startThread(answer), "no thread")
        do {
            var socket = try CommandSocket.connect(to: path)
            let answers = try socket.ask(["show info", "show stat -1 7 -1", "show servers state"])
            require(answers.count == 3, "\(answers.count) answers to three questions")
        } catch {}
        _ = try? CommandSocket.ask("show proc", at: path)
        done.wait()
    }

    private func answerOnce(_ input: [UInt8]) {
        let connection = HostSystem.Descriptor(owning: accept(listener.number, nil, nil))
        var rest = input[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(connection.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }
}
