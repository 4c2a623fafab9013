import HostSystem
import LBaaS

/// Which connections of a load balancer end at once, because a job says that what it takes out goes at once.
struct SessionSelection: Hashable, Sendable {
    /// The load balancer.
    let proxy: ApplianceName
    /// The servers whose connections go on; nil where all connections end.
    let kept: Set<ApplianceName>?

    /// Whether a connection is among them.
    func contains(_ session: Session) -> Bool {
        if session.frontend != proxy.text { return false }
        guard let kept else { return true }
        // One that waits for a server gets one of those that are left.
        return session.server != Session.none && !kept.contains(ApplianceName(text: String(session.server)))
    }
}

/// A line of the answer to `show sess`.
struct Session: Hashable {
    /// The name of no server.
    static let none: Substring = "<none>"

    /// What `shutdown session` calls it.
    let id: Substring
    let frontend: Substring
    let server: Substring

    /// Reads the answer. Lines that lack what is needed are left out.
    static func sessions(_ text: String) -> [Session] {
        text.split(separator: "\n").compactMap { line in
            func value(_ name: String) -> Substring? {
                line.firstRange(of: " \(name)=").map { line[$0.upperBound...].prefix { $0 != " " } }
            }
            guard line.hasPrefix("0x"), let frontend = value("fe"), let server = value("srv") else { return nil }
            return Session(id: line.prefix { $0 != ":" }, frontend: frontend, server: server)
        }
    }
}

extension LoadBalancerPatch {
    /// The connections that end at once with the step; nil where all may be finished.
    var endedSessions: SessionSelection? {
        guard isForced, let old = loadBalancer.old else { return nil }
        let proxy = ApplianceName(id)
        guard let new = loadBalancer.new, !new.isSuspended, new.listener == old.listener else {
            return SessionSelection(proxy: proxy, kept: nil)
        }
        let former = Dictionary(old.nodes.map { ($0.id, $0.endpoint) }) { first, _ in first }
        var kept = Set(
            new.nodes.filter { $0.condition != .disabled && former[$0.id] ?? $0.endpoint == $0.endpoint }.map { ApplianceName($0.id) })
        if new.sorryServer == old.sorryServer { kept.insert(.sorryServer) }
        return SessionSelection(proxy: proxy, kept: kept)
    }
}

extension Loader {
    /// How long the connections of one process may take to end. A command for each of them takes less than a millisecond.
    private static let longestEnd: Duration = .seconds(10)

    /// Lets load balancers take no more connections.
    func stopListening(_ proxies: [ApplianceName]) throws(ApplianceError) {
        var socket = try CommandSocket.connect(to: site.commandSocket)
        try socket.begin()
        _ = try socket.ask(proxies.map { "disable frontend \($0)" })
    }

    /// Ends connections in all processes of haproxy's but one, and waits until they have ended.
    ///
    /// - Parameter spared: the process that is left alone, whose servers of these names are those that are wanted; nil for none.
    /// - Throws: where a process has some of them left.
    func end(_ selections: [SessionSelection], sparing spared: Int32?) throws(ApplianceError) {
        if selections.isEmpty { return }
        let table = try processTable()
        for pid in table.current + table.old where pid != spared {
            let isEnded = try Deadline(in: Self.longestEnd).wait { () throws(ApplianceError) -> Bool? in
                let sessions = Session.sessions(try askMaster("@!\(pid) show sess")).filter { session in
                    selections.contains { $0.contains(session) }
                }
                // Not by their server: the proxies of a process that serves no more take no such command.
                for session in sessions { _ = try askMaster("@!\(pid) shutdown session \(session.id)") }
                return sessions.isEmpty ? true : nil
            }
            if isEnded == nil {
                throw ApplianceError(.late, "process \(pid) of haproxy has connections left that were to end at once; end the process")
            }
        }
    }
}
