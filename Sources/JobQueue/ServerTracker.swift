/// Whether a job server can be reached, seen over all connections to it: pure, so that one loss is told once.
struct ServerTracker {
    private var connections = 0
    private var isToldLost = false

    /// One connection is up. True where this is news: the server was said to be lost, or it is the first connection at all.
    mutating func connected() -> Bool {
        connections += 1
        defer { isToldLost = false }
        return connections == 1
    }

    /// A connection that was up is lost. True where it was the last.
    mutating func disconnected() -> Bool {
        connections -= 1
        return tellLostOnce()
    }

    /// Connecting failed. True where no connection is up and that was not told yet.
    mutating func failedToConnect() -> Bool { tellLostOnce() }

    private mutating func tellLostOnce() -> Bool {
        if connections > 0 || isToldLost { return false }
        isToldLost = true
        return true
    }
}
