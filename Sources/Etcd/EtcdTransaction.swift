/// What must be true of a key for a transaction to succeed.
package struct EtcdCompare: Hashable, Sendable {
    /// The property that is compared. Of a key that is absent all numbers are 0, and no comparison of its value is true.
    package enum Target: Hashable, Sendable {
        /// The revision that made the key.
        case createRevision(Int)
        /// The revision that changed the key last.
        case modRevision(Int)
        /// How often it was put.
        case version(Int)
        /// The value.
        case value([UInt8])
    }

    /// How the property compares with the given one.
    package enum Relation: String, Hashable, Sendable {
        case equal = "EQUAL"
        case greater = "GREATER"
        case less = "LESS"
        case notEqual = "NOT_EQUAL"
    }

    /// The key.
    package let key: String
    /// The property, and what it is compared with.
    package let target: Target
    /// How they compare.
    package let relation: Relation

    /// A comparison.
    package init(_ key: String, _ relation: Relation, _ target: Target) {
        (self.key, self.relation, self.target) = (key, relation, target)
    }

    /// A comparison for equality.
    package init(_ key: String, _ target: Target) { self.init(key, .equal, target) }
}

/// A step of a transaction.
package enum EtcdOperation: Hashable, Sendable {
    /// Puts a value.
    case put(String, [UInt8])
    /// Puts a value until a lease is over, which is that of `EtcdClient.grantLease`.
    case putLeased(String, [UInt8], lease: Int)
    /// Deletes keys.
    case delete(EtcdRange)
    /// Reads keys.
    case range(EtcdRange)
    /// Reads keys without their values, which are empty then.
    case keys(EtcdRange)
}

/// Comparisons, and what is done where all are true, and where one is not. It is carried out as a whole, in one revision.
package struct EtcdTransaction: Hashable, Sendable {
    /// The most comparisons, and the most steps of each branch, that etcd accepts where its options do not say more.
    package static let mostOperations = 128

    /// What must be true.
    package var compares: [EtcdCompare]
    /// What is done then.
    package var success: [EtcdOperation]
    /// What is done otherwise.
    package var failure: [EtcdOperation]

    /// A transaction.
    package init(compares: [EtcdCompare], success: [EtcdOperation], failure: [EtcdOperation] = []) {
        (self.compares, self.success, self.failure) = (compares, success, failure)
    }
}

/// What came of a step of a transaction.
package enum EtcdOperationResult: Hashable, Sendable {
    /// The value was put.
    case put
    /// So many keys were deleted.
    case deleted(Int)
    /// The keys that were read.
    case entries([EtcdKeyValue])
}

/// What came of a transaction.
package struct EtcdTransactionResult: Hashable, Sendable {
    /// Whether all comparisons were true.
    package let succeeded: Bool
    /// The revision of the store afterwards: that of all keys which were put.
    package let revision: Int
    /// What came of each step of the branch that was carried out.
    package let results: [EtcdOperationResult]

    /// What came of a transaction.
    package init(succeeded: Bool, revision: Int, results: [EtcdOperationResult]) {
        (self.succeeded, self.revision, self.results) = (succeeded, revision, results)
    }
}
