public import LBaaS

/// What takes requests from outside: it turns them from its own protocol into `Request`, and their outcomes into answers.
public protocol Intake: Sendable {
    /// What the log calls what it has in hand.
    var name: String { get }

    /// Starts to take requests, and hands them to the core.
    ///
    /// - Throws: why it cannot.
    func start(handingTo core: any RequestHandler) throws(IntakeFailure)

    /// Takes no more requests, without waiting for those in hand.
    func stopTaking()

    /// Waits for the requests in hand to be answered, and ends.
    ///
    /// - Parameter limit: the longest that it may take.
    /// - Returns: false where some were left, which is in the log.
    func finish(within limit: Duration) -> Bool
}

/// Why an intake cannot start.
public struct IntakeFailure: Error {
    /// A sentence for the operator: what cannot be had, and what to do.
    public let message: String

    /// A failure with this sentence.
    public init(_ message: String) { self.message = message }
}

/// The core, as intakes see it.
public protocol RequestHandler: Sendable {
    /// Does what a request asks for, however long it takes.
    func perform(_ request: Request, from origin: Origin) -> Outcome

    /// Does what requests ask for that came together: what changes the state in one commit, before the rest.
    ///
    /// - Parameter origins: who makes each of them.
    /// - Returns: the outcomes in their order; nil for what takes long and is to be done by `perform` on a thread of its own.
    func perform(_ requests: [Request], from origins: [Origin]) -> [Outcome?]

    /// Does what a request asks for, without a thread that waits for it.
    ///
    /// - Parameters:
    ///   - limit: a change that is not begun within this time is refused, with the code `expired`.
    ///   - completion: takes the outcome, durable. It must not block.
    func submit(
        _ request: Request, from origin: Origin, within limit: Duration, completion: @escaping @Sendable (Outcome) -> Void)

    /// Reads load balancers and how their nodes are, all of one moment. It does not wait for changes that are under way.
    ///
    /// - Parameter completion: takes the report, or the refusal `notFound`, or `appliance` where the appliance had to be asked and did not
    ///   answer. It must not block. It is called before this returns where nothing else has to be asked.
    func report(on selection: Selection, completion: @escaping @Sendable (Result<StateReport, Refusal>) -> Void)

    /// A number that grows with each change of what is committed, once the change can be read. It is read without a lock.
    var version: UInt64 { get }

    /// The virtual IPs in force in the order of their addresses' text, and the revision of that moment.
    var virtualIPs: (revision: UInt64, reports: [VirtualIPReport]) { get }

    /// Says why a load balancer is as it is, or one of its nodes. The appliance is asked.
    ///
    /// - Parameters:
    ///   - node: nil for the load balancer.
    ///   - completion: takes the explanation, or the refusal `notFound`. It must not block.
    func explain(
        _ id: LoadBalancerID, node: NodeID?, completion: @escaping @Sendable (Result<Explanation, Refusal>) -> Void)

    /// What there is now, in a few numbers.
    var summary: StateSummary { get }

    /// The committed changes behind a revision, the oldest first. It waits for a write of the state that is under way.
    ///
    /// - Parameter limit: at most so many.
    /// - Throws: `store` where the state cannot be read.
    func journal(after revision: UInt64, limit: Int) throws(Refusal) -> [JournalEntry]

    /// Wants these load balancers of a source, and no others of it: all of them, or nothing is changed.
    ///
    /// - Throws: why they cannot be.
    func replace(_ source: WantedState.Source, _ loadBalancers: [LoadBalancer]) throws(Refusal)

    /// Wants these load balancers of a source, and no others of it. One that cannot be is left out, and costs no other; where it was there
    /// it stays as it was.
    ///
    /// - Returns: why the ones that are left out cannot be.
    func replaceSkipping(_ source: WantedState.Source, _ loadBalancers: [LoadBalancer]) -> [(id: LoadBalancerID, refusal: Refusal)]

    /// Has something noted in the journal that changes nothing, such as what an intake cannot carry out. It does not wait.
    ///
    /// - Parameter outcome: `PASS` or `FAIL`.
    func remark(_ what: String, outcome: String, from origin: Origin)
}

extension RequestHandler {
    /// Notes nothing.
    public func remark(_ what: String, outcome: String, from origin: Origin) {}
}
