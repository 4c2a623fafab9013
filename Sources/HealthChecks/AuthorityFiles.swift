import HostSystem
import LBaaS
import Synchronization

/// The files of authorities that checks verify certificates by. They are read by threads of their own, for a file system can hang.
///
/// A file is looked at again every few seconds as long as checks use it, and read again where it is another one. Where it cannot be used any more,
/// what was read of it last holds.
final class AuthorityFiles: Sendable {
    /// What there is of a file.
    enum Answer {
        /// It was read.
        case store(CertificateStore)
        /// It is being read for the first time. The try that asked is given by `takeReady` when it was.
        case loading
        /// It cannot be used.
        case unusable
    }

    fileprivate struct File {
        var store: CertificateStore?
        var identity: RegularFile.Identity?
        var failure: CertificateFiles.Failure?
        var isBeingRead = false
        /// When it was looked at last; nil for never.
        var lookedAt: ContinuousClock.Instant?
        var usedAt: ContinuousClock.Instant
        var waiting: [Ticket] = []
    }

    fileprivate struct State {
        var files: [String: File] = [:]
        /// The files to be looked at.
        var pending: [String] = []
        /// The threads that do so.
        var threads = 0
        var ready: [Ticket] = []
        /// The bytes of all files that are kept.
        var size = 0
    }

    private let state = Mutex(State())
    private let log: Log
    private let wake: @Sendable () -> Void

    /// How long what was found of a file holds, and that it cannot be used.
    private let (lookInterval, retryInterval) = (Duration.seconds(5), Duration.seconds(1))
    private let mostThreads = 4
    /// The bytes of files that are kept at the most. Beyond that those go that were not used for the longest time.
    private let mostBytes = 32 << 20

    /// - Parameter wake: called, from any thread, when `takeReady` has something.
    init(log: Log, wake: @escaping @Sendable () -> Void) {
        self.log = log
        self.wake = wake
    }

    /// What there is of a file. Never waits.
    ///
    /// - Parameter ticket: the try that needs it.
    func answer(for path: String, _ ticket: Ticket, now: ContinuousClock.Instant) -> Answer {
        let (answer, startsThread) = state.withLock { state -> (Answer, Bool) in
            var file = state.files[path] ?? File(usedAt: now)
            file.usedAt = now
            let interval = file.failure == nil ? lookInterval : retryInterval
            let isDue = !file.isBeingRead && file.lookedAt.map { now - $0 >= interval } ?? true
            if isDue {
                file.isBeingRead = true
                state.pending.append(path)
            }
            let answer: Answer =
                if let store = file.store { .store(store) } else if file.lookedAt != nil { .unusable } else { .loading }
            if case .loading = answer { file.waiting.append(ticket) }
            state.files[path] = file
            let startsThread = isDue && state.threads < mostThreads
            if startsThread { state.threads += 1 }
            return (answer, startsThread)
        }
        if startsThread, !startThread({ self.work() }) { state.withLock { $0.threads -= 1 } }
        return answer
    }

    /// The tries whose file has been read since this was asked last.
    func takeReady() -> [Ticket] {
        state.withLock { state in
            defer { state.ready = [] }
            return state.ready
        }
    }

    /// Looks at files until none is left to be looked at.
    private func work() {
        while let (path, known) = nextPending() { look(at: path, known) }
    }

    private func nextPending() -> (path: String, known: RegularFile.Identity?)? {
        state.withLock { state in
            guard let path = state.pending.popLast() else {
                state.threads -= 1
                return nil
            }
            return (path, state.files[path]?.identity)
        }
    }

    private func look(at path: String, _ known: RegularFile.Identity?) {
        var failure: CertificateFiles.Failure?
        var found: (store: CertificateStore, identity: RegularFile.Identity)?
        do throws(CertificateFiles.Failure) {
            // Another identity than the one known, or an error, shows when it is read.
            if known == nil || (try? RegularFile.identity(of: path)) != known { found = try CertificateFiles.read(path) }
        } catch {
            failure = error
        }
        let (isNews, hasWaiting) = state.withLock { state in state.keep(path, found, failure, most: mostBytes) }
        if isNews, let failure {
            log.write(
                .warning, "a file of certificates of authorities cannot be used; what was read of it last holds",
                [("file", path), ("error", failure.description)])
        }
        if hasWaiting { wake() }
    }
}

extension AuthorityFiles.State {
    /// Keeps what was found of a file.
    ///
    /// - Returns: whether a failure is another than the last, and whether tries waited for it.
    fileprivate mutating func keep(
        _ path: String, _ found: (store: CertificateStore, identity: RegularFile.Identity)?, _ failure: CertificateFiles.Failure?,
        most: Int
    ) -> (isNews: Bool, hasWaiting: Bool) {
        guard var file = files[path] else { return (false, false) }
        let isNews = file.failure != failure
        if let found {
            size += found.store.size - (file.store?.size ?? 0)
            (file.store, file.identity) = found
        }
        file.failure = failure
        file.isBeingRead = false
        file.lookedAt = .now
        ready += file.waiting
        let hasWaiting = !file.waiting.isEmpty
        file.waiting = []
        files[path] = file
        dropUnused(most: most, besides: path)
        return (isNews, hasWaiting)
    }

    private mutating func dropUnused(most: Int, besides kept: String) {
        while size > most || files.count > 20_000 {
            let unused = files.lazy.filter { $0.key != kept && !$0.value.isBeingRead }.min { $0.value.usedAt < $1.value.usedAt }
            guard let unused else { return }
            size -= unused.value.store?.size ?? 0
            files[unused.key] = nil
        }
    }
}

/// A try that waits until the file of its authorities has been read.
final class AuthorityWait: Probe {
    private let path: String

    init(_ path: String) { self.path = path }

    func ready() -> CheckResult? { nil }

    func expired(after timeout: Duration) -> CheckResult {
        .failed("TLS: the authorities in \(quoted(path)) were not read within \(timeout.text)")
    }
}
