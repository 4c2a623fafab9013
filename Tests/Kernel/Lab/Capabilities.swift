import CNamespaces
import Dispatch
import Foundation
import Glibc
import TestSupport

/// Runs code on a thread that may not administer networks, in the namespace that this thread is in.
func withoutCapability<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
    let answer = Answer<Value>()
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
        answer.result = Result {
            try dropNetworkAdministration()
            return try body()
        }
        done.signal()
    }
    done.wait()
    guard let result = answer.result else { throw Failure("there is no answer") }
    return try result.get()
}

/// Written before its semaphore is signalled and read after that, by one thread each.
private final class Answer<Value: Sendable>: @unchecked Sendable {
    var result: Result<Value, any Error>?
}

private func dropNetworkAdministration() throws {
    var header = capability_header(version: UInt32(CAPABILITY_VERSION), pid: 0)
    // Two, for there are more capabilities than one number has bits.
    var sets = [capability_sets](repeating: capability_sets(), count: 2)
    guard capget(&header, &sets) == 0 else { throw systemError("cannot tell the capabilities of a thread") }
    let others = ~(UInt32(1) << UInt32(NETWORK_ADMINISTRATION))
    sets[0].effective &= others
    sets[0].permitted &= others
    guard capset(&header, sets) == 0 else { throw systemError("cannot drop a capability") }
}

/// Lets this process have so many files open.
func raiseFileLimit(to count: rlim_t) throws {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw systemError("cannot tell the limit of files") }
    limit.rlim_cur = min(max(limit.rlim_cur, count), limit.rlim_max)
    guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw systemError("cannot raise the limit of files") }
}
