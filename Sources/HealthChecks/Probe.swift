import LBaaS

/// A try of a check under way. It ends, and gives back what it holds, when its last reference goes.
protocol Probe: AnyObject {
    /// What came of it now that its descriptor is ready; nil where it goes on.
    ///
    /// - Throws: where it could not be made, which says nothing of the node.
    func ready() throws(HealthCheckError) -> CheckResult?

    /// What came of it when its time is up.
    func expired(after timeout: Duration) -> CheckResult
}

/// What became of a try that was to begin.
enum Start {
    /// It is over already.
    case over(CheckResult)
    /// It is under way.
    case underway(any Probe)
}
