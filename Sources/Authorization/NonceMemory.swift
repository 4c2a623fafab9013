/// The nonces of one key that were used, for as long as a request that has one could be accepted again.
///
/// It has a limit. Where more come within the time, the oldest are forgotten, and requests that are as old as those are not accepted any more:
/// nothing can be sent again, and a client that signs so many has less time for each.
struct NonceMemory {
    /// What becomes of a nonce.
    enum Verdict: Equatable {
        case new, used
        /// It cannot be known whether it was used: it was created before this time, in seconds since 1970.
        case tooOld(Int)
    }

    /// The hashes of nonces, by the time at which their requests were created.
    private var used: [Int: Set<SIMD2<UInt64>>] = [:]
    private var count = 0
    private var start: Int
    private let limit: Int

    /// - Parameters:
    ///   - start: the time from which on all nonces are known, in seconds since 1970.
    ///   - limit: the most nonces.
    init(since start: Int, limit: Int) {
        self.start = start
        self.limit = limit
    }

    /// Takes a nonce.
    ///
    /// - Parameters:
    ///   - created: when its request was created, in seconds since 1970.
    ///   - oldest: requests that were created before this time are not accepted any more.
    mutating func take(_ nonce: String, created: Int, oldest: Int) -> Verdict {
        if created < start { return .tooOld(start) }
        let hash = Token.hash(nonce)
        let short = hash.prefix(16).enumerated().reduce(into: SIMD2<UInt64>()) { halves, byte in
            halves[byte.offset / 8] = halves[byte.offset / 8] << 8 | UInt64(byte.element)
        }
        if !used[created, default: []].insert(short).inserted { return .used }
        count += 1
        for time in used.keys where time < oldest { forget(time) }
        while count > limit, let first = used.keys.min() {
            forget(first)
            start = max(start, first + 1)
        }
        return .new
    }

    private mutating func forget(_ time: Int) { count -= used.removeValue(forKey: time)?.count ?? 0 }
}
