import Glibc
import HostSystem
import LBaaS

/// Brings haproxy to a configuration and says when it serves it.
struct Loader: Sendable {
    let base: BaseConfiguration
    let supervisor: any Supervisor
    let timeout: Duration
    let trace: @Sendable (Step) -> Void

    /// The process that answers on the command socket; nil where none does.
    ///
    /// - Throws: where haproxy does not answer, or is another's.
    func process() throws(ApplianceError) -> ProcessInformation? {
        // A process that is about to end takes the connection and closes it. Where another takes its place, that one listens as well.
        let found = try Deadline(in: .seconds(1)).wait { () throws(ApplianceError) -> String? in
            do throws(ApplianceError) {
                let answer = try CommandSocket.ask("show info", at: base.commandSocket)
                return answer.isEmpty ? nil : answer
            } catch  where error.code == .notRunning {
                return ""
            }
        }
        guard let answer = found, !answer.isEmpty else { return nil }
        guard let process = ProcessInformation(answer) else {
            throw ApplianceError(.foreign, "what listens on \(base.commandSocket) is no haproxy; end it, or choose another run_dir")
        }
        if process.fingerprint == nil {
            throw ApplianceError(
                .foreign, "the haproxy on \(base.commandSocket) is not this worker's, so it is not touched; choose another run_dir")
        }
        return process
    }

    /// The process that serves, once a start or a load that goes on is over: the worker may have ended in the middle of it. Nil where
    /// there is none.
    func settledProcess() throws(ApplianceError) -> ProcessInformation? {
        let longestStart = Deadline(in: min(timeout, .seconds(5)))
        let found = try Deadline(in: timeout).wait { () throws(ApplianceError) -> ProcessInformation?? in
            guard let process = try process() else { return supervisor.isThere && !longestStart.isOver ? nil : .some(nil) }
            if process.isStopping { return nil }
            return try processTable(within: timeout).serving == process.pid ? .some(process) : nil
        }
        guard let found else { throw late("loading its configuration", since: supervisor.endOfMessages) }
        return found
    }

    /// The master's table of processes.
    ///
    /// - Throws: `notRunning` where there is no master.
    func processTable(within patience: Duration = .seconds(3)) throws(ApplianceError) -> ProcessTable {
        guard let table = ProcessTable(try askMaster("show proc", within: patience)) else {
            throw ApplianceError(.system, "what listens on \(base.masterSocket) is no master process of haproxy")
        }
        return table
    }

    /// What the master answers to a command, which may be for one of its processes. Behind each load it starts itself anew, and takes no
    /// commands for a moment.
    func askMaster(
        _ command: String, within patience: Duration = .seconds(3), limit: Int = CommandSocket.longestShortAnswer
    ) throws(ApplianceError) -> String {
        let deadline = Deadline(in: patience)
        var failure = ApplianceError(.notRunning, "no haproxy listens on \(base.masterSocket)")
        let answer = try deadline.wait { () throws(ApplianceError) -> String? in
            do throws(ApplianceError) {
                let answer = try CommandSocket.ask(command, at: base.masterSocket, limit: limit)
                if !answer.isEmpty { return answer }
            } catch {
                failure = error
            }
            if try process() == nil { throw failure }
            return nil
        }
        guard let answer else { throw failure }
        return answer
    }

    /// Starts haproxy with the file that is in place.
    func start(_ fingerprint: String) throws(ApplianceError) -> ProcessInformation {
        let start = try supervisor.start()
        trace(.loadOrdered)
        let deadline = Deadline(in: timeout)
        let process = try deadline.wait { () throws(ApplianceError) -> ProcessInformation? in
            if let process = try self.process(), process.fingerprint == fingerprint, !process.isStopping { return process }
            if start.hasEnded() { throw ApplianceError(.refused, "haproxy does not start: \(supervisor.messages(since: 0))") }
            return nil
        }
        guard let process else {
            start.giveUp()
            throw late("starting", since: 0)
        }
        trace(.loaded)
        return process
    }

    /// Has haproxy load the file that is in place.
    func reload(_ fingerprint: String) throws(ApplianceError) -> ProcessInformation {
        let before = try processTable()
        let mark = supervisor.endOfMessages
        try supervisor.reload()
        trace(.loadOrdered)
        let deadline = Deadline(in: timeout)
        let process = try deadline.wait { () throws(ApplianceError) -> ProcessInformation? in
            guard let table = try tableUnlessLoading(before, mark), table.reloads > before.reloads || table.master != before.master else {
                return nil
            }
            if table.failures > 0 { throw ApplianceError(.refused, "haproxy refused the change: \(supervisor.messages(since: mark))") }
            guard let serving = table.serving, !before.current.contains(serving), let process = try self.process() else { return nil }
            return process.pid == serving && process.fingerprint == fingerprint ? process : nil
        }
        guard let process else { throw late("loading its configuration", since: mark) }
        trace(.loaded)
        return process
    }

    /// The master's table; nil while it is busy with a load.
    private func tableUnlessLoading(_ before: ProcessTable, _ mark: Int) throws(ApplianceError) -> ProcessTable? {
        do throws(ApplianceError) {
            return ProcessTable(try CommandSocket.ask("show proc", at: base.masterSocket))
        } catch {
            // Also EPERM shows that there still is a process.
            if kill(before.master, 0) != 0, errno == ESRCH {
                throw ApplianceError(.notRunning, "haproxy ended while it loaded a change: \(supervisor.messages(since: mark))")
            }
            return nil
        }
    }

    private func late(_ what: String, since mark: Int) -> ApplianceError {
        ApplianceError(
            .late,
            "haproxy was \(what) for more than \(timeout.components.seconds) s; raise reload_timeout: \(supervisor.messages(since: mark))")
    }

    /// Ends haproxy, and waits until it does not listen any more.
    func stop() throws(ApplianceError) {
        let deadline = Deadline(in: timeout)
        guard let serving = try process() else {
            _ = endLost()
            return
        }
        var signalled: Deadline?
        let isStopped = try deadline.wait { () throws(ApplianceError) -> Bool? in
            if try process()?.pid != serving.pid { return true }
            // A master that has just started may miss the first signal.
            if signalled?.isOver ?? true, let table = try? processTable() {
                try supervisor.stop(master: table.master)
                if signalled == nil { trace(.stopOrdered) }
                signalled = Deadline(in: .milliseconds(500))
            }
            return nil
        }
        if isStopped == nil { throw late("ending", since: supervisor.endOfMessages) }
        trace(.stopped)
    }

    /// Ends a haproxy of ours that takes no commands: it is ending already, or somebody took its sockets away.
    ///
    /// - Returns: whether there may be one, which can go on listening for a moment.
    func endLost() -> Bool {
        if !supervisor.endsLost { return false }
        var masters: Set<Int32> = []
        if let master = try? processTable().master { masters.insert(master) }
        if let bytes = try? WholeFile(path: base.pidFile).read(), let pid = Int32(String(decoding: bytes, as: UTF8.self).trimmed) {
            masters.insert(pid)
        }
        masters = masters.filter(isOurs)
        for master in masters { try? supervisor.stop(master: master) }
        return !masters.isEmpty
    }

    /// Whether the haproxy that runs may not listen on ports below 1024, though the worker may: its unit was given the right since haproxy was
    /// started. No load gives it that.
    var lacksRights: Bool {
        guard base.hasRightsOfWorker, let master = try? processTable().master, Self.mayBindAnyPort("self") == true else { return false }
        // One that the worker cannot look at is in the user namespace of a unit without the right.
        return Self.mayBindAnyPort("\(master)") != true
    }

    /// Whether a process has CAP_NET_BIND_SERVICE; nil where that is not to be found out.
    private static func mayBindAnyPort(_ process: String) -> Bool? {
        guard let bytes = try? WholeFile(path: "/proc/\(process)/status").read(),
            let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }),
            let effective = line.split(separator: "\t").last.flatMap({ UInt64($0, radix: 16) })
        else { return nil }
        return effective & 1 << 10 != 0
    }

    /// Whether a process is a haproxy that runs our file.
    private func isOurs(_ pid: Int32) -> Bool {
        guard pid > 1, let bytes = try? WholeFile(path: "/proc/\(pid)/cmdline").read() else { return false }
        let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        return words.first?.hasSuffix("haproxy") ?? false && words.contains(base.configurationFile) && words.contains("-W")
    }
}

extension String {
    /// Without blanks and line ends around it.
    fileprivate var trimmed: String { String(drop(while: \.isWhitespace).prefix { !$0.isWhitespace }) }
}
