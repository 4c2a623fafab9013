import Etcd

// The key of this host: getting it, renewing it, losing it.

extension OwnershipMachine {
    /// Sees whether this host may use its key.
    mutating func planRegistration(_ now: Duration) {
        guard view.readAt != nil else { return }
        let host = view.hosts[settings.host]
        switch registration {
        case .open: return
        case .unknown, .refused:
            guard let host, host.record.isAlive, host.record.incarnation != settings.incarnation else {
                return open(host?.revision ?? 0, now)
            }
            // The worker that ran here before: what it owned is this one's to go on with.
            if settings.isGone(host.record.process) { return open(host.revision, now) }
            if case .refused(let revision) = registration, host.revision != revision { tellRefusal(host.record) }
            registration = .refused(revision: host.revision)
            // Nobody knows whether the other one is alive before it has had the time to show it.
            let silentAt = host.seenAt + settings.takeover
            if now > silentAt { return open(host.revision, now) }
            wake(at: silentAt + .milliseconds(1))
        }
    }

    private mutating func open(_ revision: Int, _ now: Duration) {
        registration = .open(revision: revision)
        isRefusalTold = false
        owesConflict = false
        beatDue = now
    }

    private mutating func tellRefusal(_ other: HostRecord) {
        if isRefusalTold { return }
        isRefusalTold = true
        owesConflict = true
        actions.append(.notify(.duplicateHost(process: other.process)))
    }

    /// Sends the next heartbeat where it is due.
    mutating func planHeartbeat(_ now: Duration) {
        guard case .open(let revision) = registration, beat == nil else {
            // A worker that never had its key has nothing to give up.
            if isStopping, beat == nil, change == nil { finish() }
            return
        }
        let isFinal = isStopping && holdings.isEmpty && change == nil && !view.owners.values.contains { $0.record.host == settings.host }
        if isFinal, validUntil == nil, revision == 0 { return finish() }
        let isUrgent = isFinal || owesAnswer(since: revision)
        if now < beatDue, !isUrgent || contact == .disturbed { return wake(at: beatDue) }
        sequence += 1
        let record = HostRecord(
            incarnation: settings.incarnation, sequence: sequence, process: settings.process, state: isFinal ? .released : .alive)
        let key = keys.host(settings.host)
        beat = (isFinal, false)
        let offer = view.offers[settings.host]
        actions.append(
            .send(
                .heartbeat,
                EtcdTransaction(
                    compares: [EtcdCompare(key, .modRevision(revision))],
                    success: [.put(key, record.json)] + (isFinal && offer != nil ? [.delete(.key(keys.offer(settings.host)))] : []),
                    failure: [.range(.key(key))])))
    }

    private mutating func finish() {
        isOver = true
        actions.append(.stopped)
    }

    /// Takes the answer to a heartbeat. The right that it gives is counted from the time of sending: a standby has seen it later than that.
    mutating func heartbeatAnswered(_ sentAt: Duration, _ result: Result<EtcdTransactionResult, EtcdError>, _ now: Duration) {
        guard let beat else { return }
        self.beat = nil
        switch result {
        case .failure(let error):
            disturb(error.message)
            beatDue = now + (error.concernsEndpoint ? settings.retryPause : settings.renewal)
        case .success(let answer):
            noteContact(now)
            if beat.isObsolete {
                registration = .unknown
            } else if answer.succeeded {
                if beat.isFinal { return finish() }
                registration = .open(revision: answer.revision)
                beatDue = sentAt + settings.renewal
                let until = sentAt + settings.takeover - settings.margin
                if validUntil == nil { rightRevision = answer.revision }
                validUntil = until
                confirmHoldings()
                if now < until, !holdings.isEmpty {
                    actions.append(.notify(.extended(until: until)))
                }
            } else if case .entries(let entries)? = answer.results.first {
                heartbeatRefused(entries.first, now)
            }
        }
    }

    /// Somebody else changed the key of this host, or an earlier heartbeat was carried out whose answer was lost.
    private mutating func heartbeatRefused(_ entry: EtcdKeyValue?, _ now: Duration) {
        beatDue = now
        guard let entry else {
            // Somebody deleted it. Nobody deposed this host, for that puts the key.
            registration = .open(revision: 0)
            return
        }
        // The store is older than it was, which the watch tells in a moment.
        if case .open(let known) = registration, entry.modRevision < known, hasRight(now) {
            beatDue = now + settings.renewal
            return
        }
        view.put(entry, now: now)
        let record = HostRecord(entry.value)
        switch record.state {
        case .alive where record.incarnation == settings.incarnation: registration = .open(revision: entry.modRevision)
        case .alive where settings.isGone(record.process):
            loseRight(.withdrawn)
            registration = .open(revision: entry.modRevision)
        case .alive:
            validUntil = nil
            for name in holdings.keys.sorted() { lose(name, .duplicateHost) }
            tellRefusal(record)
            registration = .refused(revision: entry.modRevision)
        case .deposed(let host):
            loseRight(.deposed(by: host))
            registration = .open(revision: entry.modRevision)
        case .released, .absent:
            loseRight(.withdrawn)
            registration = .open(revision: entry.modRevision)
        }
    }

    /// Notes that etcd has carried something out. Only a heartbeat proves it.
    private mutating func noteContact(_ now: Duration) {
        lastContact = now
        unattended = []
        if contact == .disturbed, isWatching {
            contact = .good
            graceUntil = now + settings.grace
        }
        if !isConnected { actions.append(.notify(.connected)) }
        isConnected = true
    }

    /// Ends the right of this host where its time is over.
    mutating func expire(_ now: Duration) {
        if let validUntil, now >= validUntil { loseRight(.expired) }
        if isConnected, validUntil == nil {
            isConnected = false
            actions.append(.notify(.disconnected(lastFailure)))
        }
    }

    /// Ends the right of this host: it loses its names, but for those that it keeps until it sees another owner.
    private mutating func loseRight(_ reason: LossReason) {
        validUntil = nil
        if reason != .expired { lastFailure = reason.description }
        for (name, holding) in holdings.sorted(by: { $0.key < $1.key }) {
            if holding.policy == .atMostOne {
                lose(name, reason)
            } else {
                silence(name)
                // Another host may claim it by now.
                if case .deposed = reason { holdings[name]?.revision = nil }
            }
        }
    }
}
