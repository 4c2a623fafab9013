/// The requests of a send, whose answers are waited for.
struct Awaited {
    /// The sequence number of the first.
    let sequence: UInt32
    let count: Int

    /// Which request a sequence number belongs to, counted from 0; nil for one of another send.
    func index(_ number: UInt32) -> Int? {
        let distance = Int(number &- sequence)
        return distance < count ? distance : nil
    }
}

/// Receives datagrams, and leaves out of them what nobody waits for: what other processes send, and late answers to earlier requests.
struct Inbox {
    let transport: any Transport
    /// How long to wait for the kernel's next word.
    let timeout: Duration
    /// Dumps come in datagrams of 32 KiB at most, other answers in one of a page; where one is longer, this grows.
    private var buffer = [UInt8](repeating: 0, count: 65536)

    init(transport: any Transport, timeout: Duration) {
        self.transport = transport
        self.timeout = timeout
    }

    /// Receives one datagram that has answers in it, and hands them on with the index of what they answer.
    ///
    /// - Throws: what stands in the way, and what `body` throws.
    mutating func receive(
        _ awaited: Awaited, _ body: (Int, MessageHeader, RawSpan) throws(NetlinkError) -> Void
    ) throws(NetlinkError) {
        // To look at the clock is a system call on some machines, and most answers are there when they are asked for.
        var deadline: ContinuousClock.Instant?
        var isAnswer = false
        while true {
            let datagram = try transport.receive(into: &buffer, until: deadline)
            if let datagram, datagram.sender == 0 {
                try fit(datagram)
                try unsafe buffer.span.bytes.extracting(..<datagram.count).forEachMessage { header, payload throws(NetlinkError) in
                    guard let index = awaited.index(header.sequence) else { return }
                    isAnswer = true
                    try body(index, header, payload)
                }
                if isAnswer { return }
            }
            if let deadline {
                // Where others send without end, waiting ends all the same.
                if datagram == nil || .now > deadline { throw timedOut }
            } else {
                deadline = .now + timeout
            }
        }
    }

    /// Makes the buffer larger where a datagram was longer, for the next one.
    private mutating func fit(_ datagram: Datagram) throws(NetlinkError) {
        guard datagram.count > buffer.count else { return }
        let room = buffer.count
        buffer = [UInt8](repeating: 0, count: datagram.count * 2)
        throw NetlinkError(.lost, "the kernel answered with \(datagram.count) bytes where there was room for \(room)")
    }

    private var timedOut: NetlinkError {
        NetlinkError(.timedOut, "the kernel did not answer for \(timeout); what it was asked last may have been carried out, or not")
    }
}
