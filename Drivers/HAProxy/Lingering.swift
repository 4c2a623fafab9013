import Dispatch
import Glibc
import HostSystem
import LBaaS
import Synchronization

/// The processes of haproxy's that serve no more but finish what they have, and what those had counted that ended.
///
/// A process that was replaced ends with its last connection, and what it counted would be gone with it. So before it is replaced a
/// connection to its command socket is made, and handed to a process that does nothing but hold it: the worker itself may end. When
/// nobody else is left its counters are read for the last time, noted in a file, and the connection is ended.
final class Lingering: Sendable {
    /// A counter that does not grow any more.
    private struct Final {
        let number: UInt32
        let counter: TrafficCounter
        /// How often it was told.
        var tellings = 0
    }

    private struct State {
        /// nil until the file was read.
        var final: [Final]?
        var isWatching = false
    }

    /// What one process has counted.
    private struct Census {
        let process: ProcessInformation
        let frontends: [StatisticsRow]

        var isFinished: Bool { process.isStopping && frontends.allSatisfy { $0.sessions == 0 } }

        var counters: [(number: UInt32, counter: TrafficCounter)] {
            frontends.filter { Proxy.numbers.contains($0.number) }
                .map { row in
                    let run = Self.run(process, row.number)
                    return (
                        row.number,
                        TrafficCounter(bytesOut: row.bytesOut, bytesIn: row.bytesIn, connections: row.totalSessions, run: run)
                    )
                }
        }

        /// A value for each process and each load balancer: FNV-1a of what tells them from others.
        private static func run(_ process: ProcessInformation, _ number: UInt32) -> UInt64 {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for value in [UInt64(process.pid), process.start, UInt64(number)] {
                for shift in stride(from: UInt64(0), to: 64, by: 8) { hash = (hash ^ (value >> shift & 0xFF)) &* 0x100_0000_01B3 }
            }
            return hash
        }
    }

    /// How often a counter that does not grow any more is told. The worker might not take it the first time.
    private static let tellings = 3
    /// How long haproxy keeps a silent connection, in s: as long as it can.
    private static let longestSilence = 2_000_000

    private let loader: Loader
    private let log: Log
    private let queue = DispatchQueue(label: "haproxy-lingering")
    private let state = Mutex(State())

    init(loader: Loader, log: Log) {
        self.loader = loader
        self.log = log
    }

    private var base: BaseConfiguration { loader.base }
    private var file: WholeFile { WholeFile(path: base.countersFile) }

    /// Keeps the process that serves from ending before its counters are read for the last time.
    func hold() throws(ApplianceError) {
        var socket = try CommandSocket.connect(to: base.commandSocket)
        try socket.begin()
        _ = try socket.ask(["set timeout cli \(Self.longestSilence)"])
        _ = try DetachedProcess("cat", [], name: "haproxy-counters", input: socket.descriptor)
    }

    /// What all processes have counted, by the number of the proxy: those that serve, those that finish, and those that ended.
    func counters() throws(ApplianceError) -> [UInt32: [TrafficCounter]] {
        try state.withLock { state throws(ApplianceError) in
            let living = try census(&state)
            var counters: [UInt32: [TrafficCounter]] = [:]
            for final in final(&state) { counters[final.number, default: []].append(final.counter) }
            for (number, counter) in living.flatMap(\.counters) { counters[number, default: []].append(counter) }
            return counters
        }
    }

    /// Notes that the counters of these proxies were told. What was told often enough is forgotten.
    func told(_ numbers: Set<UInt32>) {
        state.withLock { state in
            guard var final = state.final, !final.isEmpty else { return }
            for index in final.indices where numbers.contains(final[index].number) { final[index].tellings += 1 }
            let kept = final.filter { $0.tellings < Self.tellings }
            if kept.count < final.count { try? write(kept) }
            state.final = kept
        }
    }

    /// Looks every second after processes that finish what they have, as long as there are any.
    func watch() {
        let begins = state.withLock { state in
            defer { state.isWatching = true }
            return !state.isWatching
        }
        if begins { watchLater() }
    }

    private func watchLater() {
        queue.asyncAfter(deadline: .now() + .seconds(1)) { [weak self] in
            guard let self else { return }
            let goesOn = state.withLock { state in
                let isAnyLeft = ((try? self.census(&state)) ?? []).contains { $0.process.isStopping }
                state.isWatching = isAnyLeft
                return isAnyLeft
            }
            if goesOn { watchLater() }
        }
    }

    /// Forgets everything: nobody can ask any more. The processes end with their last connection.
    func forget() {
        state.withLock { state in
            state.final = []
            file.remove()
            guard let table = try? loader.processTable() else { return }
            for pid in table.current + table.old { release(pid) }
        }
    }

    /// Reads the counters of the processes. Those that have finished are noted and let go.
    private func census(_ state: inout State) throws(ApplianceError) -> [Census] {
        guard let table = try table() else { return [] }
        var living: [Census] = []
        var finished: [Census] = []
        for pid in table.current + table.old {
            guard let census = try census(of: pid) else { continue }
            if census.isFinished { finished.append(census) } else { living.append(census) }
        }
        if finished.isEmpty { return living }
        let known = final(&state)
        let runs = Set(known.map(\.counter.run))
        let new = finished.flatMap(\.counters).filter { $0.counter.hasCounted && !runs.contains($0.counter.run) }
        let all = known + new.map { Final(number: $0.number, counter: $0.counter) }
        // What cannot be noted is not let go.
        do throws(ApplianceError) {
            try write(all)
        } catch {
            log.write(.error, "what haproxy counted cannot be noted; this is tried again", [("error", error.message)])
            return living + finished
        }
        state.final = all
        for census in finished { release(census.process.pid) }
        return living
    }

    /// The table of processes; nil where haproxy does not run.
    private func table() throws(ApplianceError) -> ProcessTable? {
        do throws(ApplianceError) {
            return try loader.processTable()
        } catch  where error.code == .notRunning {
            // The processes of a master that only does not answer count on.
            if try loader.process() == nil { return nil }
            throw error
        }
    }

    /// What a process has counted; nil where it ended.
    private func census(of pid: Int32) throws(ApplianceError) -> Census? {
        let process = ProcessInformation(try loader.askMaster("@!\(pid) show info"))
        let statistics = try loader.askMaster("@!\(pid) show stat -1 1 -1", limit: CommandSocket.longestAnswer)
        if let process, statistics.hasPrefix("# ") {
            return Census(process: process, frontends: StatisticsRow.rows(statistics).filter { $0.kind == .frontend })
        }
        if kill(pid, 0) != 0, errno == ESRCH { return nil }
        // Taken for ended, it would be counted from 0 the next time.
        throw ApplianceError(.late, "process \(pid) of haproxy does not tell its counters")
    }

    /// Ends the connections to a process's command socket, so that it can end.
    private func release(_ pid: Int32) {
        let sessions = (try? loader.askMaster("@!\(pid) show sess", limit: CommandSocket.longestAnswer)) ?? ""
        for line in sessions.parts(at: "\n") where line.contains(" fe=GLOBAL ") && line.contains(" proto=unix_stream ") {
            _ = try? loader.askMaster("@!\(pid) shutdown session \(line.prefix { $0 != ":" })")
        }
    }

    private func final(_ state: inout State) -> [Final] {
        if let final = state.final { return final }
        let text = String(decoding: (try? file.read()) ?? [], as: UTF8.self)
        let final = text.parts(at: "\n").compactMap { line -> Final? in
            let words = line.parts(at: " ")
            // An earlier version wrote three words.
            guard [3, 5].contains(words.count), let number = UInt32(words[0]) else { return nil }
            let values = words.dropFirst().compactMap { UInt64($0) } + [0, 0]
            guard values.count == words.count + 1 else { return nil }
            return Final(
                number: number, counter: TrafficCounter(bytesOut: values[1], bytesIn: values[2], connections: values[3], run: values[0]))
        }
        state.final = final
        return final
    }

    private func write(_ final: [Final]) throws(ApplianceError) {
        let lines = final.map { final in
            let counter = final.counter
            return "\(final.number) \(counter.run) \(counter.bytesOut) \(counter.bytesIn) \(counter.connections)\n"
        }
        try file.write(lines.joined())
    }
}

extension TrafficCounter {
    /// Whether anybody has used what it counts.
    fileprivate var hasCounted: Bool { bytesOut > 0 || bytesIn > 0 || connections > 0 }
}
