import Glibc

/// Work that takes long and that nobody waits for as commits are waited for: four times in a millisecond it lets other threads go first.
///
/// The kernel lets a thread that was woken wait until the one on its processor has had its slice, and looks at that some 4 ms apart. A commit
/// takes several threads one after the other, here and in the job server, and would wait for each.
package struct LongWork {
    private static let length = Duration.microseconds(250)
    private var next = Clock.bootTime() + length

    /// It begins.
    package init() {}

    /// A part of it is done that takes some microseconds.
    package mutating func step() {
        if Clock.bootTime() < next { return }
        sched_yield()
        next = Clock.bootTime() + Self.length
    }
}
