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
    /// What came from the server: how often, and how many bytes. Of UDP each is a datagram.
    private(set) var received = (times: 0, bytes: 0)

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
    /// - Parameter seconds: how long that may take; as long as any answer if nothing is given.
    /// - Returns: the name of the server that sent it back.
    @discardableResult
    func ask(within seconds: Double? = nil) throws -> String {
        questions += 1
        let question = "question-\(questions)"
        try socket.send(question + "\n")
        let words = try line(within: seconds).split(separator: " ")
        guard words.count == 2, words[1] == question else { throw Failure("asked '\(question)', was answered \(words)") }
        return String(words[0])
    }

    /// Waits until the server hangs up.
    func end() throws {
        let text = try socket.receive(until: Deadline(seconds: seconds))
        guard text.isEmpty else { throw Failure("the end was awaited, and '\(text)' came") }
    }

    /// Says that no more will be asked; the server hangs up then.
    func close() { socket.endSending() }

    private func line(within limit: Double? = nil) throws -> String {
        let deadline = Deadline(seconds: limit ?? seconds)
        var text = ""
        repeat {
            let piece = try socket.receive(until: deadline)
            guard !piece.isEmpty else { throw SocketError.reset }
            received = (received.times + 1, received.bytes + piece.utf8.count)
            text += piece
        } while !text.hasSuffix("\n")
        return String(text.dropLast())
    }
}
