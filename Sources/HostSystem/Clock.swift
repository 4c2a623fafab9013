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
}
