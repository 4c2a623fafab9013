import LBaaS

/// The operations that fail or are slow because the configuration says so.
struct Trials: Sendable {
    /// How slow an operation can be.
    static let milliseconds: ClosedRange<UInt32> = 1...60_000

    private let failures: Set<Target>
    private let delays: [Target: Duration]

    /// Reads the keys `fail` and `slow`.
    init(_ section: DriverConfiguration) throws(DriverConfiguration.Failure) {
        var failures: Set<Target> = []
        for word in section.list(Key.fail.rawValue) { failures.insert(try Target(word[...], key: .fail)) }
        var delays: [Target: Duration] = [:]
        for word in section.list(Key.slow.rawValue) {
            let (target, delay) = try Self.slowness(word)
            delays[target] = delay
        }
        self.failures = failures
        self.delays = delays
    }

    /// True where all runs as it should.
    var isEmpty: Bool { failures.isEmpty && delays.isEmpty }

    /// How long the operation takes: what is configured for it as such and what is for any of these load balancers.
    func delay(of operation: Operation, on ids: [LoadBalancerID]) -> Duration {
        delays.isEmpty ? .zero : Target.all(operation, on: ids).reduce(.zero) { $0 + (delays[$1] ?? .zero) }
    }

    /// Why the operation fails on these load balancers; nil where it does not.
    func failure(of operation: Operation, on ids: [LoadBalancerID]) -> DriverError? {
        guard !failures.isEmpty, let target = Target.all(operation, on: ids).first(where: failures.contains) else { return nil }
        let named = target.id ?? (ids.count == 1 ? ids.first : nil)
        return DriverError("the dummy driver was told to fail \(operation.rawValue)" + (named.map { " of \(quoted($0.text))" } ?? ""))
    }

    /// Reads `OPERATION[:ID]=MILLISECONDS`. An id may hold a `=` of its own, so the last one counts.
    private static func slowness(_ word: String) throws(DriverConfiguration.Failure) -> (Target, Duration) {
        guard let equals = word.lastIndex(of: "="), let delay = UInt32(word[word.index(after: equals)...]), milliseconds ~= delay else {
            throw DriverConfiguration.Failure(
                .slow, "\(quoted(word)) does not end in a time: use OPERATION[:ID]=MILLISECONDS, \(milliseconds.text)")
        }
        return (try Target(word[..<equals], key: .slow), .milliseconds(delay))
    }
}

/// An operation on any load balancer, or on a certain one.
private struct Target: Hashable {
    let operation: Operation
    let id: LoadBalancerID?

    /// The targets that an operation on these load balancers meets.
    static func all(_ operation: Operation, on ids: [LoadBalancerID]) -> [Target] {
        [Target(operation, nil)] + ids.map { Target(operation, $0) }
    }

    private init(_ operation: Operation, _ id: LoadBalancerID?) {
        self.operation = operation
        self.id = id
    }

    /// Reads `OPERATION[:ID]`. An id may hold colons of its own, so the first one counts.
    init(_ word: Substring, key: Key) throws(DriverConfiguration.Failure) {
        let shown = quoted(String(word))
        let name = word.prefix { $0 != ":" }
        guard let operation = Operation(rawValue: name.lowercased()) else {
            throw .init(key, "\(shown) does not begin with an operation: use one of \(Operation.names)")
        }
        guard name.endIndex < word.endIndex else {
            self.init(operation, nil)
            return
        }
        let id = word[name.endIndex...].dropFirst()
        if id.isEmpty { throw .init(key, "\(shown) has no id after its colon: leave the colon out to mean every load balancer") }
        if operation == .observe { throw .init(key, "\(shown) has an id, but observe is of the whole appliance: leave the id out") }
        self.init(operation, LoadBalancerID(String(id)))
    }
}

extension ClosedRange {
    /// `1 to 60000`.
    var text: String { "\(lowerBound) to \(upperBound)" }
}
