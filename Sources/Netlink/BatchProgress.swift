/// What is known of a batch, from one word of the kernel to the next. It does nothing but keep account.
struct BatchProgress {
    private var failures: [Batch.Failure]
    private let count: Int
    /// The requests of the last send.
    private var current = 0..<0
    /// As far as the kernel was heard of in the last send: it takes requests in their order, so what is before is done.
    private var heard = 0
    /// Whether the last request of the last send has its verdict.
    private(set) var isAcknowledged = true
    /// What was lost of the last send's answers.
    private(set) var loss: NetlinkError?

    /// - Parameter failures: of requests that need no asking.
    init(failures: [Batch.Failure], count: Int) {
        self.failures = failures
        self.count = count
    }

    /// The first request of the last send.
    var first: Int { current.lowerBound }

    /// The failures in the order of the requests.
    var sortedFailures: [Batch.Failure] { failures.sorted { $0.index < $1.index } }

    /// The kernel was given requests.
    mutating func sent(_ requests: Range<Int>) {
        current = requests
        heard = requests.lowerBound
        isAcknowledged = false
    }

    /// A request of the last send was answered with a message.
    mutating func answered(_ index: Int) { heard = max(heard, first + index + 1) }

    /// A request of the last send was carried out or refused.
    mutating func concluded(_ index: Int, _ verdict: KernelVerdict) {
        answered(index)
        if verdict.number != 0 { failures.append(Batch.Failure(index: first + index, number: verdict.number, message: verdict.message)) }
        if first + index == current.upperBound - 1 { isAcknowledged = true }
    }

    /// Some word about the last send was lost. It may have been an error, and about any of the requests.
    mutating func lost(_ reason: NetlinkError) { loss = loss ?? reason }

    /// What is known where it cannot go on.
    func interruption(_ reason: NetlinkError) -> BatchInterruption {
        let known = loss == nil ? heard : first
        return BatchInterruption(
            reason: loss ?? reason, failures: sortedFailures, unknown: known..<current.upperBound, unsent: current.upperBound..<count)
    }
}
