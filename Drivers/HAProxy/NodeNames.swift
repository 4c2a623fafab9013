import Dispatch
import Glibc
import HostSystem
package import LBaaS
import Synchronization

/// The addresses of nodes that have a host name, looked up by the worker.
///
/// haproxy looks names up in its main thread while it loads a configuration: a name server that does not answer would hold up every load.
/// So it is given addresses by the file of the servers' states, and a name without one takes only its own server out.
package final class NodeNames: Sendable {
    /// How many lookups are under way at a time; the others wait.
    private static let mostLookups = 8
    /// How long an answer holds.
    private static let validity: Duration = .seconds(10)

    private struct Answer {
        /// The address; nil where the name was not resolved.
        var address: IPAddress?
        /// When it came.
        var time: ContinuousClock.Instant
    }

    private struct State {
        /// The last answers. An address is kept where a later lookup fails.
        var answers: [String: Answer] = [:]
        /// The names that are looked up, or are about to be.
        var pending: Set<String> = []
        var queue: [String] = []
        var lookups = 0
    }

    private let lookUp: @Sendable (String) -> IPAddress?
    private let state = Mutex(State())

    /// - Parameter lookUp: the address of a name, nil where it has none. It can block.
    init(_ lookUp: @escaping @Sendable (String) -> IPAddress?) { self.lookUp = lookUp }

    /// The addresses of names, as far as they are known.
    ///
    /// - Parameter limit: how long to wait for names that were never looked up. Others are looked up again behind the caller's back.
    func addresses(of names: Set<String>, within limit: Duration) -> [String: IPAddress] {
        if names.isEmpty { return [:] }
        let new = state.withLock { state in
            // Names of load balancers that are gone.
            state.answers = state.answers.filter {
                names.contains($0.key) || state.pending.contains($0.key) || .now - $0.value.time < .seconds(3600)
            }
            let old = names.filter { name in state.answers[name].map { .now - $0.time > Self.validity } ?? true }
            for name in old.sorted() where state.pending.insert(name).inserted { state.queue.append(name) }
            return names.filter { state.answers[$0] == nil }
        }
        startLookups()
        _ = Deadline(in: new.isEmpty ? .zero : limit).wait { () -> Bool? in
            state.withLock { state in new.allSatisfy { state.answers[$0] != nil } } ? true : nil
        }
        return state.withLock { state in
            for name in new where state.answers[name] == nil {
                // It is waited for only once.
                state.answers[name] = Answer(address: nil, time: .now)
            }
            return state.answers.filter { names.contains($0.key) }.compactMapValues(\.address)
        }
    }

    private func startLookups() {
        while let name = next() {
            let isStarted = startThread { [weak self, lookUp] in
                let address = lookUp(name)
                self?.take(address, of: name)
            }
            if !isStarted { return take(nil, of: name) }
        }
    }

    private func next() -> String? {
        state.withLock { state in
            if state.lookups >= Self.mostLookups || state.queue.isEmpty { return nil }
            state.lookups += 1
            return state.queue.removeFirst()
        }
    }

    private func take(_ address: IPAddress?, of name: String) {
        state.withLock { state in
            state.lookups -= 1
            state.pending.remove(name)
            state.answers[name] = Answer(address: address ?? state.answers[name]?.address, time: .now)
        }
        startLookups()
    }
}

extension NodeNames {
    /// The first address that the system has for a name; nil where it has none. It blocks for as long as the system's resolver waits.
    @Sendable package static func systemAddress(_ name: String) -> IPAddress? {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_family = AF_UNSPEC
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(name, nil, &hints, &list) == 0, let first = unsafe list else { return nil }
        defer { unsafe freeaddrinfo(first) }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = unsafe getnameinfo(
            first.pointee.ai_addr, first.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        if code != 0 { return nil }
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return IPAddress(String(decoding: bytes, as: UTF8.self))
    }
}
