import LBaaS

/// A try of a check under way. It ends, and lets go of all that it holds, when nobody has it any more.
protocol Probe: AnyObject {
    /// What came of it now that its descriptor is ready; nil where it goes on.
    func ready() -> CheckResult?

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
