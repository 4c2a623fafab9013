import LBaaS

/// How a process that ends hands its tables of sticky clients on to the next: as a peer of the same name (`doc/peers.txt` of haproxy).
///
/// A process teaches the next only once it has learned itself, or waited 10 s in vain for somebody to learn from. Where loads follow each
/// other faster, nobody would ever teach. So where the one before cannot teach, the next is told at once that there is nothing to learn.
struct Handover {
    let base: BaseConfiguration

    /// Whether the process that serves can teach the next.
    var isReady: Bool {
        // Flags: 1 for what it learns from its own host, 2 for what it learns from others.
        guard let answer = try? CommandSocket.ask("show peers", at: base.commandSocket),
            let start = answer.firstRange(of: "id=lbaas disabled=0 flags=0x")?.upperBound,
            let flags = Int(answer[start...].prefix { $0 != " " }, radix: 16)
        else { return true }
        return flags & 3 == 3
    }

    /// Tells the process that serves, as the one before it, that it has learned all.
    func conclude() throws(ApplianceError) {
        let socket = try CommandSocket.connect(to: base.peersSocket)
        var answer: [UInt8] = []
        try socket.send("HAProxyS 2.1\nlbaas\nlbaas 1 1\n")
        // Its status, and then its confirmation.
        guard try socket.receive(into: &answer), answer.starts(with: Array("200".utf8)) else { return }
        try socket.send("\0\u{1}")
        _ = try socket.receive(into: &answer)
    }
}
