import FleetModel
package import FleetStore
import HostSystem
import LBaaS

extension OctaviaAPI {
    /// Gives the workers what they are to have by the configuration, where the groups are others than they were: workers that are new in a group
    /// get its load balancers, and those that are not in it any more lose them. What is wanted of an object that is not there is taken out. To
    /// be called once when a server starts. It waits for the store.
    ///
    /// Load balancers of a group that is not in the configuration stay as they are, and are logged. So is one that fails by itself.
    ///
    /// - Returns: how many load balancers were brought up to date.
    @discardableResult package func reconcile() throws(FleetStoreError) -> Int {
        // What was read in pages is of one revision from here on.
        let newest = try store.list(FleetKey.fleetID.text, after: nil, most: 1, within: configuration.storeLimit).revision
        guard cache.wait(for: newest, within: configuration.storeLimit) else {
            throw FleetStoreError(.unavailable, "the store is slow to tell what has changed")
        }
        var count = 0
        var orphans: Set<String> = []
        for id in cache.read({ $0.loadBalancers.ordered.map(\.record.head.id) }) {
            do throws(FleetStoreError) {
                switch try reconcile(id) {
                case .same: break
                case .changed: count += 1
                case .orphan(let group): orphans.insert(group)
                }
            } catch {
                guard [.tooLarge, .invalid, .conflict].contains(error.code) else { throw error }
                configuration.log.write(
                    .warning, "the workers of a load balancer cannot be brought up to date; start the server again for that",
                    [("load_balancer", id), ("reason", error.message)])
            }
        }
        for group in orphans.sorted() {
            configuration.log.write(
                .warning, "there are load balancers of a group that is not in the configuration: they stay as they are", [("group", group)])
        }
        if count > 0 { configuration.log.write(.info, "the groups have changed", [("load_balancers", "\(count)")]) }
        let removed = try removeLeftParts()
        if removed > 0 { configuration.log.write(.info, "workers had parts of what is not there any more", [("parts", "\(removed)")]) }
        return count
    }

    /// What became of a load balancer.
    private enum Outcome {
        case same, changed
        case orphan(String)
    }

    /// Brings the parts of a load balancer up to date, again where somebody changes it at the same time.
    private func reconcile(_ id: String) throws(FleetStoreError) -> Outcome {
        var tries = 1
        while true {
            let (transactions, orphan, known) = cache.read { state -> ([StoreTransaction], String?, Int) in
                guard let entry = state.loadBalancers[id], entry.record.head.change != .delete else { return ([], nil, 0) }
                guard state.groups[entry.record.group] != nil else { return ([], entry.record.group, 0) }
                var edit = Edit(state, now: Clock.now())
                edit.reconcile(entry.record)
                let key = FleetKey.object(.loadBalancer, id: id).text
                return (edit.transaction.split(expecting: key, revision: entry.revision), nil, state.revision)
            }
            if let orphan { return .orphan(orphan) }
            if transactions.isEmpty { return .same }
            do throws(FleetStoreError) {
                var revision = 0
                for transaction in transactions { revision = try store.commit(transaction, within: configuration.storeLimit) }
                _ = cache.wait(for: revision, within: .seconds(2))
                return .changed
            } catch {
                guard error.code == .conflict, tries < Self.mostTries else { throw error }
                tries += 1
                _ = cache.wait(for: known + 1, within: .milliseconds(500))
            }
        }
    }

    /// Takes out what workers are to have of listeners and load balancers that are not there, or are deleted.
    ///
    /// - Returns: how many parts there were.
    private func removeLeftParts() throws(FleetStoreError) -> Int {
        let parts = cache.read { $0.leftParts }
        var count = 0
        for start in stride(from: 0, to: parts.count, by: LeftPart.mostTogether) {
            count += try remove(parts[start..<min(start + LeftPart.mostTogether, parts.count)])
        }
        return count
    }

    private func remove(_ parts: ArraySlice<LeftPart>) throws(FleetStoreError) -> Int {
        var transaction = StoreTransaction()
        for part in parts {
            transaction.delete(part.key.text, revision: part.revision)
            for (key, revision) in part.reasons { transaction.expect(key.text, revision: revision) }
        }
        do throws(FleetStoreError) {
            try store.commit(transaction, within: configuration.storeLimit)
            return parts.count
        } catch {
            // Somebody else was faster, or there is a record that this server cannot read.
            guard error.code == .conflict else { throw error }
            if parts.count == 1 { return 0 }
        }
        var count = 0
        for place in parts.indices { count += try remove(parts[place...place]) }
        return count
    }
}

/// A part of a wanted state that nothing stands for.
private struct LeftPart {
    let key: FleetKey
    let revision: Int
    /// What must be so: the revisions of records, 0 for one that is absent.
    let reasons: [(FleetKey, Int)]

    /// As many as a transaction takes with what must be so.
    static let mostTogether = StoreLimits.transactionKeys / 3
}

extension FleetState {
    /// The parts of workers that nothing stands for.
    fileprivate var leftParts: [LeftPart] {
        var found: [LeftPart] = []
        for (worker, wanted) in wanted {
            for (id, part) in wanted.loadBalancers {
                guard let reasons = absence(ofListener: id) else { continue }
                found.append(
                    LeftPart(key: .wantedLoadBalancer(worker: worker, listener: id), revision: part.revision, reasons: reasons))
            }
            for (address, part) in wanted.virtualIPs {
                guard let reasons = absence(ofAddress: address) else { continue }
                found.append(LeftPart(key: .wantedVirtualIP(worker: worker, address: address), revision: part.revision, reasons: reasons))
            }
        }
        return found
    }

    /// What says that a listener is not there; nil where it is.
    private func absence(ofListener id: String) -> [(FleetKey, Int)]? {
        guard let listener = listeners[id] else { return [(.object(.listener, id: id), 0)] }
        if listener.record.head.change == .delete { return [(.object(.listener, id: id), listener.revision)] }
        guard let parent = loadBalancers[listener.record.loadBalancer], parent.record.head.change == .delete else { return nil }
        return [(.object(.loadBalancer, id: parent.record.head.id), parent.revision)]
    }

    /// What says that no load balancer has an address; nil where one has.
    private func absence(ofAddress text: String) -> [(FleetKey, Int)]? {
        guard let address = IPAddress(text) else { return [] }
        var reasons: [(FleetKey, Int)] = []
        for owner in addresses.values.compactMap({ $0[address] }) {
            guard let record = loadBalancers[owner], record.record.head.change == .delete else { return nil }
            reasons.append((.object(.loadBalancer, id: owner), record.revision))
        }
        if reasons.count > 1 { return nil }
        return reasons
    }
}

extension Edit {
    /// Writes all parts of a load balancer that are not as they are to be.
    fileprivate mutating func reconcile(_ record: LoadBalancerRecord) {
        let workers = Set(state.workers(of: record))
        removeAddress(of: record, but: state.groups[record.group]?.interface == nil ? [] : workers)
        writeAddress(of: record)
        for listener in state.listeners(of: record.head.id) where listener.record.head.change != .delete {
            removeParts(ofListener: listener.record.head.id, but: workers)
            write(listener.record, listener.record.defaultPool.flatMap { state.pools[$0]?.record }, of: record)
        }
    }
}

extension StoreTransaction {
    /// Its changes in as many transactions as the store takes, each of which also expects a revision of another key.
    fileprivate func split(expecting key: String, revision: Int) -> [StoreTransaction] {
        var parts: [StoreTransaction] = []
        var size = 0
        for (name, change) in changes.sorted(by: { $0.key < $1.key }) {
            var bytes = name.utf8.count
            if case .put(let value, _) = change { bytes += value.count }
            if parts.isEmpty || parts[parts.count - 1].changes.count > StoreLimits.transactionKeys - 2
                || size + bytes > StoreLimits.transactionSize
            {
                var next = StoreTransaction()
                next.expect(key, revision: revision)
                parts.append(next)
                size = 0
            }
            size += bytes
            switch change {
            case .put(let value, let lifetime): parts[parts.count - 1].put(name, value, lifetime: lifetime)
            case .delete: parts[parts.count - 1].delete(name)
            }
            if let known = expected[name] { parts[parts.count - 1].expect(name, revision: known) }
        }
        return parts
    }
}
