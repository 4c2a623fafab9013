import Etcd
import LBaaS

// What this host changes in the store besides its own key: one request at a time, made from what is known when it is sent.

extension OwnershipMachine {
    /// Sends the next change, if there is any.
    mutating func planChange(_ now: Duration) {
        guard change == nil, view.readAt != nil else { return }
        if now < changeDue { return wake(at: changeDue) }
        let next =
            asking() ?? vacating() ?? conflict()
            ?? (hasRight(now) ? deposing(now) ?? claiming(now) ?? offering() ?? wishing(now) : nil) ?? sharing()
        guard let (kind, compares, success) = next else { return }
        change = (kind, compares.map(\.key), false)
        // Where a comparison fails the answer has what there is instead.
        actions.append(
            .send(.change, EtcdTransaction(compares: compares, success: success, failure: compares.map { .range(.key($0.key)) })))
    }

    typealias Planned = (kind: Change, compares: [EtcdCompare], success: [EtcdOperation])

    /// Gives up in the store what this host gave up, and what it does not take part in.
    private mutating func vacating() -> Planned? {
        guard case .open = registration else {
            releases = [:]
            return nil
        }
        let names = view.owners.filter { name, owner in
            let isWanted = candidacies[name]?.isHealthy == true && !isStopping
            let isHeld = holdings[name].map { $0.releasedAt == nil } ?? false
            return owner.record.host == settings.host && !isHeld && (releases[name] != nil || !isWanted)
        }.keys.sorted().prefix(settings.mostNames)
        var records: [String: OwnerRecord] = [:]
        for name in names {
            guard let owner = view.owners[name] else { continue }
            records[name] = vacancy(of: name, owner.record)
            vacated[name] = owner.revision
        }
        for name in Array(releases.keys) where view.owners[name]?.record.host != settings.host { releases[name] = nil }
        if records.isEmpty { return nil }
        let wishes = records.keys.sorted().filter { view.wishes[$0] != nil }.map { EtcdOperation.delete(.key(keys.wish($0))) }
        return (.vacate(records), compares(of: records), puts(of: records) + wishes)
    }

    /// The record of a name that this host gives up.
    private func vacancy(of name: String, _ old: OwnerRecord) -> OwnerRecord {
        guard let release = releases[name], let heir = release.heir, case .handing(let incarnation) = release.phase else {
            return OwnerRecord(epoch: old.epoch, from: settings.host, heir: releases[name]?.heir ?? "")
        }
        return OwnerRecord(host: heir, incarnation: incarnation, epoch: old.epoch + 1, from: settings.host)
    }

    /// Tells the other worker with this host's id of this one, and takes the note of another away.
    private mutating func conflict() -> Planned? {
        let key = keys.conflict(settings.host)
        if owesConflict {
            let record = NoteRecord(host: settings.host, incarnation: settings.incarnation, process: settings.process)
            return (.tellConflict, [], [.put(key, record.json)])
        }
        guard case .open = registration, let note = view.conflicts[settings.host], note.record.incarnation != settings.incarnation else {
            return nil
        }
        return (.clearConflict(note.record), [EtcdCompare(key, .modRevision(note.revision))], [.delete(.key(key))])
    }

    /// Takes a host for dead that owns a name of this host's and was silent for the takeover time, while this host heard of all others.
    private mutating func deposing(_ now: Duration) -> Planned? {
        if isStopping || contact == .disturbed || !isWatching { return nil }
        // Each such host, with the record of the first of its names.
        var others: [String: (name: String, owner: StoreView.Owner)] = [:]
        for (name, owner) in view.owners {
            let id = owner.record.host
            guard !id.isEmpty, id != settings.host, candidacies[name]?.isHealthy == true else { continue }
            if others[id].map({ name < $0.name }) ?? true { others[id] = (name, owner) }
        }
        for (id, (_, owner)) in others.sorted(by: { $0.key < $1.key }) {
            let host = view.host(id, of: owner)
            guard host.record.isAlive || host.record.state == .absent else { continue }
            let due = max(host.seenAt + settings.takeover + .milliseconds(1), graceUntil, claimsNotBefore)
            if now < due {
                wake(at: due)
                continue
            }
            let tombstone = HostRecord(
                incarnation: host.record.incarnation, sequence: host.record.sequence, process: host.record.process,
                state: .deposed(by: settings.host))
            let key = keys.host(id)
            return (.depose(id, tombstone), [EtcdCompare(key, .modRevision(host.revision))], [.put(key, tombstone.json)])
        }
        return nil
    }

    /// Claims the names that nobody owns.
    private mutating func claiming(_ now: Duration) -> Planned? {
        if isStopping { return nil }
        var names: [String] = []
        var hosts: [String: Int] = [:]
        for name in candidacies.keys.filter({ claim(of: $0, now) != nil }).sorted() where names.count < settings.mostNames {
            guard let (due, host) = claim(of: name, now) else { continue }
            if now < due {
                wake(at: due)
                continue
            }
            names.append(name)
            if let host { hosts[host.id] = host.revision }
        }
        if names.isEmpty { return nil }
        var success: [EtcdOperation] = names.map { .put(keys.owner($0), claimed($0).json) }
        for name in names where view.wishes[name] != nil { success.append(.delete(.key(keys.wish(name)))) }
        let owners = names.map { EtcdCompare(keys.owner($0), .modRevision(view.owners[$0]?.revision ?? 0)) }
        let dead = hosts.sorted { $0.key < $1.key }.map { EtcdCompare(keys.host($0.key), .modRevision($0.value)) }
        return (.claim(names), owners + dead, success)
    }

    private func claimed(_ name: String) -> OwnerRecord {
        OwnerRecord(host: settings.host, incarnation: settings.incarnation, epoch: (view.owners[name]?.record.epoch ?? 0) + 1)
    }

    /// When this host may claim a name, and the key of the dead host that must not change meanwhile; nil where somebody owns it.
    private func claim(of name: String, _ now: Duration) -> (due: Duration, host: (id: String, revision: Int)?)? {
        guard let candidacy = candidacies[name], candidacy.isHealthy, releases[name] == nil else { return nil }
        if let holding = holdings[name], holding.revision != nil || holding.releasedAt != nil { return nil }
        let since = max(joinedAt[name] ?? .zero, view.readAt ?? .zero, claimsNotBefore)
        guard let owner = view.owners[name] else { return (since + pause(for: name, candidacy, heir: "", now), nil) }
        let id = owner.record.host
        if id == settings.host { return (claimsNotBefore, nil) }
        if id.isEmpty {
            let free = max(owner.seenAt, since)
            // Who gave it up takes it back only where nobody else does.
            if owner.record.from == settings.host, !others(for: name, now).isEmpty { return (free + settings.takeover, nil) }
            return (free + pause(for: name, candidacy, heir: owner.record.heir, besides: owner.record.from, now), nil)
        }
        let host = view.host(id, of: owner)
        if host.record.isAlive || host.record.state == .absent { return nil }
        let free = max(owner.seenAt, host.seenAt, since)
        return (free + pause(for: name, candidacy, heir: "", now), (id, host.revision))
    }

    /// How long this host waits for those that go before it: the heir, then the ones with higher priorities, then those whose ids are less, but
    /// for the host that gave the name up.
    private func pause(for name: String, _ candidacy: Candidacy, heir: String, besides giver: String = "", _ now: Duration) -> Duration {
        if heir == settings.host { return .zero }
        let rank = others(for: name, now).count { host, priority in
            host == heir
                || host != giver && (priority > candidacy.priority || (priority == candidacy.priority && host < settings.host))
        }
        return settings.rankPause * rank
    }

    /// Tells what this host takes part in.
    private mutating func offering() -> Planned? {
        let known = view.offers[settings.host]
        let told = known?.record.priorities ?? [:]
        let offered = isStopping ? [:] : candidacies
        var count = 0
        var isTold = true
        for (name, candidacy) in offered where candidacy.isHealthy {
            count += 1
            if told[name] != candidacy.priority { isTold = false }
        }
        if isTold, count == told.count { return nil }
        let offer = OfferRecord(priorities: offered.filter(\.value.isHealthy).mapValues(\.priority))
        let key = keys.offer(settings.host)
        return (.offer(offer), [EtcdCompare(key, .modRevision(known?.revision ?? 0))], [.put(key, offer.json)])
    }

    /// Asks the owner of a name for it, where this host has a higher priority and is healthy for long enough.
    private mutating func wishing(_ now: Duration) -> Planned? {
        if isStopping { return nil }
        let lacking = candidacies.filter { name, candidacy in candidacy.preemption != .no && candidacy.isHealthy && holdings[name] == nil }
        for (name, candidacy) in lacking.sorted(by: { $0.key < $1.key }) {
            guard case .after(let wait) = candidacy.preemption, !yielded.contains(name),
                let owner = view.owners[name], wished[name] != owner.revision, owner.record.heir != settings.host,
                let priority = others(for: name, now)[owner.record.host], priority < candidacy.priority
            else { continue }
            let due = max(joinedAt[name] ?? .zero, view.readAt ?? .zero) + wait
            if now < due {
                wake(at: due)
                continue
            }
            let key = keys.wish(name)
            let record = NoteRecord(host: settings.host, incarnation: settings.incarnation, process: settings.process)
            let wish = EtcdCompare(key, .modRevision(view.wishes[name]?.revision ?? 0))
            return (.wish(name), [wish, EtcdCompare(keys.owner(name), .modRevision(owner.revision))], [.put(key, record.json)])
        }
        return nil
    }

    /// Takes the answer to a change.
    mutating func changeAnswered(_ result: Result<EtcdTransactionResult, EtcdError>, _ now: Duration) {
        guard let (kind, compared, isObsolete) = change else { return }
        change = nil
        switch result {
        case .failure(let error):
            disturb(error.message)
            changeDue = now + (error.concernsEndpoint ? settings.retryPause : settings.renewal)
            // Nobody knows whether the heir is still there when the next request is carried out.
            if case .vacate(let records) = kind { for name in records.keys where releases[name] != nil { releases[name] = Release() } }
        case .success where isObsolete: break
        case .success(let answer) where answer.succeeded: changed(kind, answer.revision, now)
        case .success(let answer):
            // Somebody else was first: what there is now comes with the answer.
            for (key, result) in zip(compared, answer.results) {
                guard case .entries(let entries) = result else { continue }
                view.take(entries.first.map { .put($0) } ?? .deletion(key: key, revision: answer.revision), now: now)
            }
        }
    }

    private mutating func changed(_ kind: Change, _ revision: Int, _ now: Duration) {
        switch kind {
        case .ask(let records):
            for (name, record) in records {
                view.put(keys.owner(name), record.json, revision: revision, now: now)
                if case .asking(let since, _)? = releases[name]?.phase {
                    releases[name]?.phase = .asking(since: since, revision: revision)
                }
            }
        case .vacate(let records):
            for (name, record) in records {
                view.put(keys.owner(name), record.json, revision: revision, now: now)
                view.take(.deletion(key: keys.wish(name), revision: revision), now: now)
                releases[name] = nil
            }
        case .depose(let id, let tombstone): view.put(keys.host(id), tombstone.json, revision: revision, now: now)
        case .claim(let names):
            for name in names {
                view.put(keys.owner(name), claimed(name).json, revision: revision, now: now)
                view.take(.deletion(key: keys.wish(name), revision: revision), now: now)
                hold(name, revision, now)
            }
        case .offer(let offer): view.put(keys.offer(settings.host), offer.json, revision: revision, now: now)
        case .share(let values):
            for value in values { view.put(keys.value(value.name), value.json, revision: revision, now: now) }
        case .wish(let name): wished[name] = view.owners[name]?.revision
        case .tellConflict: owesConflict = false
        case .clearConflict(let note):
            view.take(.deletion(key: keys.conflict(settings.host), revision: revision), now: now)
            actions.append(.notify(.duplicateHost(process: note.process)))
        }
    }

    /// Owns a name that the store says is this host's. Where the right has ended meanwhile, or the name is not wanted any more, it is claimed
    /// again or given up.
    mutating func hold(_ name: String, _ revision: Int, _ now: Duration) {
        guard let candidacy = candidacies[name], candidacy.isHealthy, !isStopping, view.owners[name]?.revision == revision else { return }
        let isKept = holdings[name].map { !$0.isSilent } ?? false
        guard candidacy.policy == .atLeastOne || hasRight(now) else { return }
        yielded.remove(name)
        holdings[name] = Holding(policy: candidacy.policy, revision: revision)
        if !isKept { actions.append(.notify(.owned(name, until: candidacy.policy == .atMostOne ? validUntil : nil))) }
    }
}
