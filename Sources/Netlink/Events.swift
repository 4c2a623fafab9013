/// Receives what the kernel tells without being asked.
struct Events {
    private let transport: any Transport
    private var buffer = [UInt8](repeating: 0, count: 65536)

    init(transport: any Transport) { self.transport = transport }

    /// Takes the messages that are there, without waiting.
    ///
    /// - Parameter body: gets each message. If it throws, the rest of that datagram is lost.
    /// - Returns: false where messages were lost: more came than the receive buffer holds, or one cannot be read.
    /// - Throws: `system` where the socket failed.
    mutating func take(_ body: (MessageHeader, RawSpan) throws(NetlinkError) -> Void) throws(NetlinkError) -> Bool {
        var isWhole = true
        while true {
            do throws(NetlinkError) {
                guard let datagram = try transport.receive(into: &buffer, until: nil) else { return isWhole }
                // Only the kernel is believed; another process may send to any socket.
                guard datagram.sender == 0 else { continue }
                if datagram.count > buffer.count {
                    buffer = [UInt8](repeating: 0, count: datagram.count * 2)
                    isWhole = false
                    continue
                }
                try unsafe buffer.span.bytes.extracting(..<datagram.count).forEachMessage(body)
            } catch {
                guard error.code == .lost || error.code == .malformed else { throw error }
                isWhole = false
            }
        }
    }
}
