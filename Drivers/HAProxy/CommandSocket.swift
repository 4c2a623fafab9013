import Glibc
import HostSystem
import LBaaS

/// A connection to a socket on which haproxy takes commands.
struct CommandSocket: ~Copyable {
    /// How long haproxy may take to answer a batch of commands, however many bytes it sends meanwhile.
    static let patience: Duration = .seconds(10)
    /// The most bytes of the answers to one batch: those for tables of 100,000 servers have 60 MB.
    static let longestAnswer = 128 << 20
    /// The most bytes of an answer that is no table.
    static let longestShortAnswer = 1 << 20
    /// How much is sent before answers are read. More, and both sides could wait for the other to read.
    private static let chunk = 8192

    /// The connection; the owner does not close it.
    let descriptor: Int32
    private let path: String

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// Connects.
    ///
    /// - Throws: `notRunning` where nobody listens.
    static func connect(to path: String) throws(ApplianceError) -> CommandSocket {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 { throw .system("cannot make a socket") }
        let socket = CommandSocket(descriptor: descriptor, path: path)
        // `connect` waits so long where the listener's queue is full.
        var time = timeval(tv_sec: Int(patience.components.seconds), tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        if try connectUnix(descriptor, path) { return socket }
        switch errno {
        case ENOENT, ECONNREFUSED: throw ApplianceError(.notRunning, "no haproxy listens on \(path)")
        case EAGAIN: throw ApplianceError(.late, "haproxy accepts no connection on \(path)")
        default: throw .system("cannot connect to \(path)")
        }
    }

    /// Has one command done, which may end the connection, and answers what haproxy says until it closes it.
    ///
    /// - Parameter limit: the most bytes that the answer may have.
    static func ask(_ command: String, at path: String, limit: Int = longestShortAnswer) throws(ApplianceError) -> String {
        let socket = try connect(to: path)
        let deadline = Deadline(in: patience)
        try socket.send(command + "\n", until: deadline)
        _ = shutdown(socket.descriptor, Int32(SHUT_WR))
        var answer: [UInt8] = []
        while try socket.receive(into: &answer, limit: limit, until: deadline) {}
        return String(decoding: answer, as: UTF8.self)
    }

    /// Turns the prompt on, by which the end of an answer is known.
    mutating func begin() throws(ApplianceError) { _ = try ask(["prompt"]) }

    /// Has commands done in this order; the answer to each, without the line ends around it. The prompt must be on.
    ///
    /// - Throws: `late` where a batch of 8 KiB of commands is not answered within 10 s; `foreign` where the answers have more bytes than haproxy's can have.
    mutating func ask(_ commands: [String]) throws(ApplianceError) -> [String] {
        var answers: [String] = []
        answers.reserveCapacity(commands.count)
        var (text, count) = ("", 0)
        for (index, command) in commands.enumerated() {
            text += command + "\n"
            count += 1
            if text.utf8.count < Self.chunk, index < commands.count - 1 { continue }
            let deadline = Deadline(in: Self.patience)
            try send(text, until: deadline)
            try receive(count, into: &answers, until: deadline)
            (text, count) = ("", 0)
        }
        return answers
    }

    private mutating func receive(_ count: Int, into answers: inout [String], until deadline: Deadline) throws(ApplianceError) {
        var (bytes, start, scanned) = ([UInt8](), 0, 0)
        var missing = count
        while missing > 0 {
            guard try receive(into: &bytes, limit: Self.longestAnswer, until: deadline) else {
                throw ApplianceError(.system, "haproxy closed \(path) in the middle of an answer")
            }
            while missing > 0, let end = Self.prompt(in: bytes, from: max(start, scanned - 2)) {
                answers.append(Self.trimmed(bytes[start..<end]))
                start = end + 3
                scanned = start
                missing -= 1
            }
            scanned = bytes.count
        }
    }

    /// Where the next `\n> ` begins.
    private static func prompt(in bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while index + 2 < bytes.count {
            if bytes[index] == 0x0A, bytes[index + 1] == 0x3E, bytes[index + 2] == 0x20 { return index }
            index += 1
        }
        return nil
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        var bytes = bytes
        while bytes.last == 0x0A { bytes.removeLast() }
        while bytes.first == 0x0A { bytes.removeFirst() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Sends a text.
    func send(_ text: String, until deadline: Deadline = Deadline(in: patience)) throws(ApplianceError) {
        var rest = Array(text.utf8)[...]
        let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, flags) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                try wait(for: POLLOUT, until: deadline)
            } else if errno != EINTR {
                throw .system("cannot write to \(path)")
            }
        }
    }

    /// Reads what there is; false where haproxy has closed the connection, or was replaced by another process.
    ///
    /// - Parameters:
    ///   - limit: the most bytes that there may be in all.
    ///   - deadline: when it has to be there, whatever came before.
    func receive(
        into bytes: inout [UInt8], limit: Int = longestShortAnswer, until deadline: Deadline = Deadline(in: patience)
    ) throws(ApplianceError) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            if deadline.isOver { throw late }
            let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > limit - bytes.count {
                throw ApplianceError(
                    .foreign, "what listens on \(path) answers with more than \(limit) bytes, so it is no haproxy of this worker's")
            }
            if count > 0 { bytes += buffer[..<count] }
            if count >= 0 { return count > 0 }
            switch errno {
            case EINTR: continue
            case EAGAIN: try wait(for: POLLIN, until: deadline)
            case ECONNRESET: return false
            default: throw .system("cannot read from \(path)")
            }
        }
    }

    /// Waits until bytes can be read or written.
    private func wait(for event: Int32, until deadline: Deadline) throws(ApplianceError) {
        if poll([descriptor: event], until: deadline)[0] == 0 { throw late }
    }

    private var late: ApplianceError { ApplianceError(.late, "haproxy does not answer on \(path)") }
}

/// Connects a socket to a path; false where `errno` says why not.
private func connectUnix(_ descriptor: Int32, _ path: String) throws(ApplianceError) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
        throw ApplianceError(.system, "the path of the socket \(path) is too long")
    }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    while true {
        let code = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if code == 0 || errno != EINTR { return code == 0 }
    }
}
