/// A record with the revision that put it.
package final class Stored<Record: Sendable>: Sendable {
    /// The record.
    package let record: Record
    /// The revision of the store that put it.
    package let revision: Int

    /// A record with its revision.
    package init(_ record: Record, revision: Int) { (self.record, self.revision) = (record, revision) }
}

/// The records of one kind, by their ids and in the order in which they were made.
package struct ObjectTable<Record: ObjectRecord>: Sendable {
    private var records: [String: Stored<Record>] = [:]
    /// The records in the order of their times, and of their ids where these are the same.
    package private(set) var ordered: [Stored<Record>] = []

    /// How many there are.
    package var count: Int { ordered.count }

    /// The record of an id.
    package subscript(id: String) -> Stored<Record>? { records[id] }

    /// Puts a record.
    ///
    /// - Returns: the one that it replaces.
    mutating func put(_ new: Stored<Record>) -> Stored<Record>? {
        let old = records.updateValue(new, forKey: new.record.head.id)
        if let old, old.record.head.created != new.record.head.created { ordered.remove(at: place(of: old.record.head)) }
        let place = place(of: new.record.head)
        if place < ordered.count, ordered[place].record.head.id == new.record.head.id {
            ordered[place] = new
        } else {
            ordered.insert(new, at: place)
        }
        return old
    }

    /// Takes a record out.
    mutating func remove(_ id: String) -> Stored<Record>? {
        guard let old = records.removeValue(forKey: id) else { return nil }
        ordered.remove(at: place(of: old.record.head))
        return old
    }

    /// Where a record is or would be.
    private func place(of head: ObjectHead) -> Int {
        var (low, high) = (0, ordered.count)
        while low < high {
            let middle = (low + high) / 2
            let other = ordered[middle].record.head
            if (other.created, other.id) < (head.created, head.id) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
