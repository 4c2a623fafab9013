import Glibc

/// Starts a thread of its own for blocking C code, which must not run on Swift's cooperative pool.
///
/// - Parameter body: what the thread does.
/// - Returns: false where the system has no thread to spare.
package func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    let start = unsafe Unmanaged.passRetained(ThreadStart(body)).toOpaque()
    let code = unsafe withUnsafeTemporaryAllocation(of: pthread_attr_t.self, capacity: 1) { memory in
        guard let attributes = memory.baseAddress else { return ENOMEM }
        unsafe pthread_attr_init(attributes)
        defer { unsafe pthread_attr_destroy(attributes) }
        unsafe pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
        // Enough for the deepest JSON that is read, and a fraction of the default of 8 MiB.
        unsafe pthread_attr_setstacksize(attributes, 1 << 20)
        var thread = pthread_t()
        return unsafe pthread_create(&thread, attributes, runThread, start)
    }
    if code == 0 { return true }
    unsafe Unmanaged<ThreadStart>.fromOpaque(start).release()
    return false
}

private final class ThreadStart: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// What a new thread calls. It takes over the one reference that `startThread` made.
private let runThread: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
    guard let argument = unsafe argument else { return nil }
    unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().body()
    return nil
}
