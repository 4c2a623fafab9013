public import LBaaS

/// What became of a load balancer that was to be changed as it is.
public struct EditOutcome: Sendable {
    /// The outcome of the request.
    public let outcome: Outcome
    /// The load balancer as it was read; nil where it could not be.
    public let former: LoadBalancer?
    /// As it was to be; as it was read where the edit was refused.
    public let edited: LoadBalancer?
}

extension RequestHandler {
    /// Changes a load balancer as it is, and tries again where it is another one when the change is committed.
    ///
    /// - Parameters:
    ///   - expected: the revision that its client has read; nil for any. Where there is one, the change is tried once.
    ///   - limit: a change that is not begun within this time is refused, with the code `expired`.
    ///   - tries: how often it is tried.
    ///   - edit: changes the load balancer, or refuses to. It may be called for each try, and must not block.
    ///   - completion: takes what became of it, durable. It must not block.
    public func edit(
        _ id: LoadBalancerID, from origin: Origin, isDryRun: Bool = false, expecting expected: UInt64? = nil, within limit: Duration,
        tries: Int = 10, _ edit: @escaping @Sendable (inout LoadBalancer) throws(Refusal) -> Void,
        completion: @escaping @Sendable (EditOutcome) -> Void
    ) {
        report(on: .named([id])) { result in
            var former: LoadBalancer?
            do throws(Refusal) {
                let report = try result.get()
                guard let found = report.items.first?.entry.loadBalancer else {
                    throw Refusal(.notFound, "there is no load balancer \(quoted(id.text))")
                }
                former = found
                var loadBalancer = found
                try edit(&loadBalancer)
                let edited = loadBalancer
                let options = ChangeOptions(isDryRun: isDryRun, expectedRevision: expected ?? report.revision)
                submit(.change(.create([edited]), options), from: origin, within: limit) { outcome in
                    if case .refused(let refusal) = outcome, refusal.code == .precondition, expected == nil, tries > 1 {
                        return self.edit(
                            id, from: origin, isDryRun: isDryRun, within: limit, tries: tries - 1, edit, completion: completion)
                    }
                    completion(EditOutcome(outcome: outcome, former: found, edited: edited))
                }
            } catch {
                completion(EditOutcome(outcome: .refused(error), former: former, edited: former))
            }
        }
    }
}
