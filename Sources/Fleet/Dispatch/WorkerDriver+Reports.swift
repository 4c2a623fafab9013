import FleetModel
import FleetStore
import GearmanClient
import HostSystem
import JSON
import JobQueue
import LBaaS

// How a worker is asked, and what it reports.

extension WorkerDriver {
    func ask(
        _ job: [UInt8], _ action: String, _ round: inout Round, _ server: JobServer, within limit: Duration
    ) throws(DriverFailure) -> WorkerAnswer {
        let start = Clock.bootTime()
        do throws(GearmanFailure) {
            let bytes = try round.client.ask(job, of: worker, at: server, within: limit) { [context, worker, thread] in
                !thread.isStopping && context.lease.isValid && context.presence.server(of: worker) != nil
            }
            guard let tokenizer = round.tokenizer ?? JSONTokenizer() else {
                throw GearmanFailure(.exhausted, "there is no memory to read an answer")
            }
            round.tokenizer = tokenizer
            let answer = WorkerAnswer(bytes, tokenizer)
            context.metrics.ended(action, answer.error == nil ? "passed" : "failed", in: Clock.bootTime() - start)
            return answer
        } catch {
            context.metrics.ended(action, "unanswered", in: Clock.bootTime() - start)
            throw .silent(error)
        }
    }

    /// Asks what the worker is.
    func discover(_ round: inout Round, _ server: JobServer) throws(DriverFailure) {
        let answer = try ask(WorkerJob.discover, "DISCOVER", &round, server, within: Self.reportLimit)
        if answer.error == nil { (round.version, round.driver) = (answer.version, answer.driver) }
    }

    /// Asks how nodes are, and from time to time for traffic.
    func report(_ round: inout Round, _ server: JobServer) throws(DriverFailure) {
        let stats = try ask(WorkerJob.stats, "STATS", &round, server, within: Self.reportLimit)
        if let error = stats.error { throw .worker(error) }
        if let host = context.cache.read({ $0.hosts[worker]?.record }), host.away != nil { try settle(round.synced ?? 0, &round) }
        try write(stats.nodes)
        let listed = Set(stats.nodes.keys).intersection(round.names)
        if !round.told.subtracting(listed).isEmpty { round.synced = nil }
        round.told = listed
        if round.reportsUntilTraffic <= 0 {
            let metrics = try ask(WorkerJob.metrics, "METRICS", &round, server, within: Self.reportLimit)
            if let error = metrics.error { throw .worker(error) }
            if !round.names.subtracting(metrics.traffic.map(\.id)).isEmpty { round.synced = nil }
            try write(metrics.traffic, of: round.names)
            // Another program may have taken its place meanwhile.
            try discover(&round, server)
            note(HostRecord(version: round.version, driver: round.driver))
            round.reportsUntilTraffic = context.intervals.reportsForTraffic
        }
        round.reportsUntilTraffic -= 1
        if round.synced == nil {
            context.log.write(.warning, "a worker has lost load balancers, and is sent all of them again", [("worker", worker)])
        }
        round.report = Deadline(in: context.intervals.report * Double.random(in: 0.9...1.1))
    }

    /// Writes how nodes are, where that has changed.
    private func write(_ nodes: [String: [String: Bool]]) throws(DriverFailure) {
        let (old, wanted) = context.cache.read { ($0.operating[worker], $0.wanted[worker]) }
        let record = OperatingRecord(nodes: nodes.filter { wanted?.loadBalancers[$0.key] != nil })
        if record == old?.record ?? OperatingRecord() { return }
        let json = record.json
        // Of more nodes than a value of the store has room for, only those that are down are told.
        let isLarge = json.count > StoreLimits.valueSize
        let down = OperatingRecord(nodes: record.nodes.mapValues { $0.filter { !$0.value } }.filter { !$0.value.isEmpty })
        if isLarge, down == old?.record { return }
        var transaction = StoreTransaction()
        transaction.replace(FleetKey.operating(worker: worker).text, revision: old?.revision ?? 0, with: isLarge ? down.json : json)
        try commit(transaction)
    }

    /// Adds the traffic since what was counted last, which is in the record itself: so each byte counts once, whoever asks.
    private func write(_ traffic: [WorkerAnswer.Traffic], of names: Set<String>) throws(DriverFailure) {
        let old = context.cache.read { fleet in
            traffic.map { names.contains($0.id) ? fleet.statistics[$0.id]?[worker] : nil }
        }
        var transaction = StoreTransaction()
        for (entry, old) in zip(traffic, old) where names.contains(entry.id) {
            let record = (old?.record ?? StatisticsRecord()).adding(entry)
            if record == old?.record { continue }
            let key = FleetKey.statistics(listener: entry.id, worker: worker).text
            transaction.replace(key, revision: old?.revision ?? 0, with: record.json)
            if transaction.changes.count == StoreLimits.transactionKeys {
                try commit(transaction)
                transaction = StoreTransaction()
            }
        }
        if !transaction.changes.isEmpty { try commit(transaction) }
    }
}

extension StatisticsRecord {
    /// The counters with what a worker has counted since: the mark has its totals as they were added last, those of an earlier version of this server
    /// only the bytes that were sent.
    func adding(_ traffic: WorkerAnswer.Traffic) -> Self {
        let totals = [traffic.bytesOut, traffic.bytesIn, traffic.connections]
        let marked = (mark ?? "").split(separator: " ").compactMap { Int($0) }
        // All of them begin anew where the load balancer was made again.
        let isNew = marked.first.map { traffic.bytesOut < $0 } ?? true
        let grown = totals.indices.map { place in
            let last = isNew || place >= marked.count ? 0 : marked[place]
            return totals[place] >= last ? totals[place] &- last : totals[place]
        }
        var sum = self
        sum.bytesOut &+= grown[0]
        sum.bytesIn &+= grown[1]
        sum.totalConnections &+= grown[2]
        sum.activeConnections = traffic.active ?? 0
        sum.mark = totals.map(String.init).joined(separator: " ")
        return sum
    }
}
