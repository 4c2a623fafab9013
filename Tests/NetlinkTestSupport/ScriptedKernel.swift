package import Netlink

/// A kernel that keeps what it is sent, and says what a test has it say. Where it has nothing to say, the time is up at once.
package final class ScriptedKernel: Transport {
    /// What comes of waiting for a datagram.
    package enum Word {
        case datagram([UInt8], sender: UInt32 = 0)
        case failure(NetlinkError)
    }

    package var sendRoom = 1 << 20
    package var receiveRoom = 8 << 20
    /// The requests of each send.
    package private(set) var sends: [[Request]] = []
    private var waiting: [Word]
    private let answer: ([Request]) throws(NetlinkError) -> [Word]

    /// - Parameters:
    ///   - waiting: what is there before the first send.
    ///   - answer: what comes of a send.
    package init(waiting: [Word] = [], answer: @escaping ([Request]) throws(NetlinkError) -> [Word]) {
        self.waiting = waiting
        self.answer = answer
    }

    package func send(_ bytes: RawSpan) throws(NetlinkError) {
        let requests = Request.all(in: bytes.copy())
        sends.append(requests)
        waiting += try answer(requests)
    }

    package func receive(into buffer: inout [UInt8], until deadline: ContinuousClock.Instant?) throws(NetlinkError) -> Datagram? {
        guard !waiting.isEmpty else { return nil }
        switch waiting.removeFirst() {
        case .failure(let error): throw error
        case .datagram(let bytes, let sender):
            for (index, byte) in bytes.prefix(buffer.count).enumerated() { buffer[index] = byte }
            return Datagram(count: bytes.count, sender: sender)
        }
    }
}

extension GenericNetlink {
    /// Talks with a kernel of the test.
    package convenience init(_ kernel: ScriptedKernel, requestsPerSend: Int = 1024) {
        self.init(transport: kernel, timeout: .seconds(5), requestsPerSend: requestsPerSend)
    }
}
