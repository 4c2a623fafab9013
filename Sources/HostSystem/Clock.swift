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

    /// The time for all that is waited for and compared: the time at the first call, and what has passed since. Unlike `now` it does not
    /// jump where somebody sets the clock.
    @Sendable package static func steady() -> Timestamp { origin.time + (bootTime() - origin.bootTime) }

    private static let origin = (time: now(), bootTime: bootTime())

    /// Both clocks.
    @Sendable package static func moment() -> Moment { Moment(steady: steady(), wall: now()) }

    /// The time since the system started, for everything that is waited for: it goes on while the system sleeps, and nobody sets it.
    @Sendable package static func bootTime() -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Duration(secondsComponent: Int64(time.tv_sec), attosecondsComponent: Int64(time.tv_nsec) * 1_000_000_000)
    }
}
