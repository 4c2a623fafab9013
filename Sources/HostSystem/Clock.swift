import Glibc
package import LBaaS

/// The clock of the system.
package enum Clock {
    /// The time now.
    @Sendable package static func now() -> Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// The time now in whole seconds since 1970 began.
    @Sendable package static func unixTime() -> Int { Int(now().microseconds / 1_000_000) }

    /// The time for all that is waited for and compared: the time at the first call, and what has passed since. Unlike `now` it does not
    /// jump where somebody sets the clock.
    @Sendable package static func steady() -> Timestamp { origin.time + (bootTime() - origin.bootTime) }

    private static let origin = (time: now(), bootTime: bootTime())

    /// Both clocks. Their difference stays the same from call to call, and from process to process, until somebody sets the clock, so that a
    /// time that is shown again is shown the same.
    @Sendable package static func moment() -> Moment {
        let steady = steady()
        return Moment(steady: steady, wall: steady + offset.follow(measured: now().microseconds - steady.microseconds))
    }

    private static let offset = ClockOffset()

    /// The time since the system started, for everything that is waited for: it goes on while the system sleeps, and nobody sets it.
    @Sendable package static func bootTime() -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Duration(secondsComponent: Int64(time.tv_sec), attosecondsComponent: Int64(time.tv_nsec) * 1_000_000_000)
    }
}
