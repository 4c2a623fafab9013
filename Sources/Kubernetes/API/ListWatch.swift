import HostSystem

/// How the objects of one kind are kept up to date: a list, then a watch from its version on, for ever.
///
/// A pure machine: what happened goes in, what is to be done comes out. Whatever fails, nothing that was told is taken back: the next list
/// has what changed meanwhile.
package struct ListWatch {
    /// What happened.
    package enum Event: Sendable {
        /// It begins.
        case start
        /// A page of the list came.
        case page(ListPage)
        /// A line of the watch came.
        case line(WatchLine)
        /// The request was refused.
        case refused(Refusal)
        /// The watch ended as one does whose time is over.
        case ended
        /// The connection could not be made, or broke, or a list cannot be read.
        case failed(String)
        /// A line of the watch cannot be read.
        case unreadable(String)
        /// The time of `deadline` has come.
        case due
    }

    /// What is to be done. Each request and each wait takes the place of the request before, whose connection is closed if it is not over.
    package enum Action: Hashable, Sendable {
        /// Ask for a page of the list: the first, or the one after another.
        case list(continuing: String?)
        /// Watch what happens after a version, for so many seconds at most.
        case watch(after: String, seconds: Int)
        /// Ask for nothing until `deadline`.
        case wait
        /// Read tokens again: the next request must not use one that was kept.
        case renewCredentials
        /// Tell these changes.
        case publish([ObjectChange])
        /// Tell what is wrong, in place of what was told before; nil: nothing is any more.
        case report(String?)
    }

    /// How long things may take.
    package struct Limits: Hashable, Sendable {
        /// A page of a list, until all of it is there.
        package var answer: Duration = .seconds(60)
        /// A watch may be silent so long: bookmarks come each minute.
        package var silence: Duration = .seconds(90)
        /// A watch takes so many seconds, and up to twice as many.
        package var watchSeconds = 300
        /// The longest pause that a server may ask for, in seconds.
        package var longestRetry = 300
        /// How often a version that the server does not have yet is asked for again, before all is listed anew: it may never have it.
        package var futureTries = 5

        /// The defaults.
        package init() {}
    }

    /// What is wanted of the server.
    private enum Step: Hashable {
        case list
        case watch
    }

    private enum State: Hashable {
        case idle
        case requesting(Step)
        case waiting
    }

    /// What it keeps up to date.
    package let kind: ObjectKind
    private let limits: Limits
    private var state = State.idle
    /// The pages so far, and what the next is asked for with.
    private var listed: [ClusterObject] = []
    private var continuing: String?
    /// What is known; nil where everything must be listed.
    private var version: String?
    /// The pauses: 0.8 s at first, twice as long each time, 30 s at most. The unit is eight times that of `Backoff`.
    private var backoff = Backoff(maximum: 30.0 / 8)
    /// How many watches in a row ended without a line.
    private var emptyWatches = 0
    private var futureTries = 0
    private var hasRenewed = false
    private var trouble: String?

    /// When `due` is to be told; nil where nothing is waited for.
    package private(set) var deadline: Duration?

    /// A machine for objects of a kind.
    package init(_ kind: ObjectKind, limits: Limits = Limits()) { (self.kind, self.limits) = (kind, limits) }

    /// Takes in what happened.
    ///
    /// - Parameters:
    ///   - now: the time, which does not go back.
    ///   - share: a random number from 0 to 1, so that many hosts do not all come at once.
    package mutating func handle(_ event: Event, now: Duration, share: Double) -> [Action] {
        switch event {
        case .start: return request(now, share)
        case .page(let page): return take(page, now, share)
        case .line(let line): return take(line, now, share)
        case .refused(let refusal): return refused(refusal, now, share)
        case .ended: return ended(now, share)
        case .failed(let reason): return fail(reason, now, share)
        case .unreadable(let reason):
            // What it would have told is not known: all is listed again.
            startOver()
            return fail(reason, now, share)
        case .due: return due(now, share)
        }
    }

    // MARK: What came

    private mutating func take(_ page: ListPage, _ now: Duration, _ share: Double) -> [Action] {
        guard state == .requesting(.list) else { return [] }
        listed += page.objects
        continuing = page.continuing
        hasRenewed = false
        if continuing != nil { return request(now, share) }
        let all = listed
        listed = []
        version = page.version
        return report(nil) + [.publish([.replace(kind, all)])] + request(now, share)
    }

    private mutating func take(_ line: WatchLine, _ now: Duration, _ share: Double) -> [Action] {
        guard state == .requesting(.watch) else { return [] }
        var changes: [ObjectChange] = []
        switch line {
        case .refusal(let refusal): return refused(refusal, now, share)
        case .put(let object, let new):
            changes = [.put(object)]
            version = new
        case .delete(let key, let new):
            changes = [.delete(kind, key)]
            version = new
        case .bookmark(let new): version = new
        }
        backoff.reset()
        (emptyWatches, futureTries, hasRenewed) = (0, 0, false)
        deadline = now + limits.silence
        return report(nil) + (changes.isEmpty ? [] : [.publish(changes)])
    }

    private mutating func ended(_ now: Duration, _ share: Double) -> [Action] {
        guard state == .requesting(.watch) else { return fail("the connection was closed without an answer", now, share) }
        emptyWatches += 1
        // A watch that never tells anything is broken, whatever it looks like.
        return emptyWatches < 3 ? request(now, share) : pause(now, share)
    }

    private mutating func due(_ now: Duration, _ share: Double) -> [Action] {
        guard let deadline, now >= deadline else { return [] }
        switch state {
        case .idle: return []
        case .waiting: return request(now, share)
        case .requesting(.list): return fail("no answer came within \(limits.answer.seconds) s", now, share)
        case .requesting(.watch): return fail("nothing came for \(limits.silence.seconds) s", now, share)
        }
    }

    // MARK: What went wrong

    private mutating func refused(_ refusal: Refusal, _ now: Duration, _ share: Double) -> [Action] {
        guard case .requesting(let step) = state else { return [] }
        switch refusal.status {
        case 410: return expired(step, now, share)
        case 401 where !hasRenewed:
            hasRenewed = true
            return [.renewCredentials] + request(now, share)
        case 401:
            return [.renewCredentials]
                + fail(
                    "the API server does not accept the credentials (\(refusal.message)): check the token or the certificate", now, share)
        case 403:
            return fail(
                "not allowed to \(step == .list ? "list" : "watch") \(kind.resource): grant that verb by RBAC (\(refusal.message))", now,
                share
            ) + unavailable(step)
        case 404: return fail("the API server has no \(kind.resource) (\(refusal.message))", now, share) + unavailable(step)
        case 504 where step == .watch:
            futureTries += 1
            if futureTries >= limits.futureTries { startOver() }
            return fail(answered(refusal), now, share, after: refusal.retryAfter)
        default: return fail(answered(refusal), now, share, after: refusal.retryAfter)
        }
    }

    private func answered(_ refusal: Refusal) -> String { "the API server answers \(refusal.status): \(refusal.message)" }

    /// The server has forgotten the version, or the list that the next page is of. What is known stays, until a new list tells what changed.
    private mutating func expired(_ step: Step, _ now: Duration, _ share: Double) -> [Action] {
        // At once, unless the version was listed just now.
        let isNew = step == .list ? continuing == nil : emptyWatches > 0
        startOver()
        emptyWatches = 1
        return isNew ? fail("the API server forgets versions at once", now, share) : request(now, share)
    }

    /// That a kind cannot be had is an answer, as long as it never was there.
    private func unavailable(_ step: Step) -> [Action] { step == .list ? [.publish([.unavailable(kind)])] : [] }

    private mutating func startOver() { (version, listed, continuing, futureTries) = (nil, [], nil, 0) }

    private mutating func fail(_ reason: String, _ now: Duration, _ share: Double, after seconds: Int? = nil) -> [Action] {
        report("\(kind.resource): \(reason)") + pause(now, share, after: seconds)
    }

    private mutating func report(_ words: String?) -> [Action] {
        if words == trouble { return [] }
        trouble = words
        return [.report(words)]
    }

    // MARK: What is next

    private mutating func request(_ now: Duration, _ share: Double) -> [Action] {
        if let version {
            state = .requesting(.watch)
            deadline = now + limits.silence
            return [.watch(after: version, seconds: limits.watchSeconds + Int(Double(limits.watchSeconds) * share))]
        }
        state = .requesting(.list)
        deadline = now + limits.answer
        return [.list(continuing: continuing)]
    }

    private mutating func pause(_ now: Duration, _ share: Double, after seconds: Int? = nil) -> [Action] {
        state = .waiting
        let own = Duration.seconds(backoff.next(share: share) * 8)
        deadline = now + max(own, .seconds(min(seconds ?? 0, limits.longestRetry)))
        return [.wait]
    }
}

extension ObjectKind {
    /// Its name in paths and in rules of RBAC.
    package var resource: String {
        switch self {
        case .service: "services"
        case .endpointSlice: "endpointslices"
        case .node: "nodes"
        case .serviceRange: "servicecidrs"
        }
    }
}
