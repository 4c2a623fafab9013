import Glibc

/// Blocks all signals for this thread: they are for others, and writing to a connection that is gone must not end the process (SIGPIPE).
func blockSignals() {
    var all = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
}

/// Has this thread run before others that want a processor at the same time, where the system lets it (CAP_SYS_NICE, or `LimitRTPRIO` or
/// `LimitNICE` of a unit): a check that begins late finds a node's death late, and to make checks takes little time.
///
/// Real-time priority, the lowest: niceness counts only among processes of one session or one unit. What this thread starts has it not.
func raisePriority() {
    // SCHED_RESET_ON_FORK, which the headers show only to _GNU_SOURCE.
    let resetOnFork: Int32 = 0x4000_0000
    var parameter = sched_param(sched_priority: 1)
    if unsafe sched_setscheduler(0, SCHED_RR | resetOnFork, &parameter) == 0 { return }
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, -10)
}

/// Raises the soft limit of open descriptors to the hard one.
///
/// - Returns: how many of them checks may have: all but a quarter, or a thousand, for the rest of the process.
func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 256 }
    if limit.rlim_cur < limit.rlim_max {
        var raised = limit
        raised.rlim_cur = limit.rlim_max
        if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    }
    let count = Int(clamping: limit.rlim_cur)
    return count - min(count / 4, 1000)
}

/// Something that is said at once, and then at most once a minute, with how often it was.
struct Complaint {
    private var last: ContinuousClock.Instant?
    private var count = 0

    /// Counts it, and says it where it is time to.
    mutating func make(now: ContinuousClock.Instant, _ say: (Int) -> Void) {
        count += 1
        if let last, now - last < .seconds(60) { return }
        last = now
        say(count)
        count = 0
    }
}
