import LBaaS
import TestSupport

/// What a client has with one server: a connection, or datagrams that come from one port.
final class Connection {
    /// The name of the server that took it.
    private(set) var server = ""
    private let socket: Socket
    private let transport: Transport
    private let seconds: Double
    private var questions = 0

    /// Connects, and waits for the server's name.
    ///
    /// - Parameters:
    ///   - source: the port of this side.
    ///   - seconds: how long each answer may take.
    init(_ transport: Transport, to address: IPAddress, port: UInt16, from source: UInt16, within seconds: Double) throws {
        self.transport = transport
        self.seconds = seconds
        socket = try Socket(transport, for: address)
        try socket.bind(to: address.any, port: source)
        try socket.connect(to: address, port: port, within: seconds)
        server = transport == .udp ? try ask() : try line()
    }

    /// Sends something and waits until it comes back.
    ///
    /// - Returns: the name of the server that sent it back.
    @discardableResult
    func ask() throws -> String {
        questions += 1
        let question = "question-\(questions)"
        try socket.send(question + "\n")
        let words = try line().split(separator: " ")
        guard words.count == 2, words[1] == question else { throw Failure("asked '\(question)', was answered \(words)") }
        return String(words[0])
    }

    /// Waits until the server hangs up.
    func end() throws {
        let text = try socket.receive(until: Deadline(seconds: seconds))
        guard text.isEmpty else { throw Failure("the end was awaited, and '\(text)' came") }
    }

    private func line() throws -> String {
        let deadline = Deadline(seconds: seconds)
        var text = ""
        repeat {
            let piece = try socket.receive(until: deadline)
            guard !piece.isEmpty else { throw SocketError.reset }
            text += piece
        } while !text.hasSuffix("\n")
        return String(text.dropLast())
    }
}
