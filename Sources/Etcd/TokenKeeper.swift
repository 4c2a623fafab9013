import Dispatch
import HostSystem
import Synchronization

/// The token of the user, which etcd forgets after a while and at a restart.
final class TokenKeeper: Sendable {
    private typealias Outcome = Result<String, EtcdError>

    private struct State: Sendable {
        var token: String?
        /// The login that is under way; whoever needs another token meanwhile waits for it.
        var login: Login?

        /// What a caller that needs another token than this one does.
        mutating func next(after old: String?) -> Next {
            if let token, token != old { return .token(token) }
            if let login { return .wait(login) }
            let new = Login()
            login = new
            return .begin(new)
        }
    }

    private enum Next {
        case token(String)
        case wait(Login)
        case begin(Login)
    }

    private let state = Mutex(State())
    private let authenticate: @Sendable () throws(EtcdError) -> String

    /// - Parameter authenticate: logs the user in, which can take some 100 ms and more, and gives a token. It ends by itself.
    init(_ authenticate: @escaping @Sendable () throws(EtcdError) -> String) { self.authenticate = authenticate }

    /// The token; nil before the first login.
    var token: String? { state.withLock { $0.token } }

    /// Gets another token than this one. One thread logs in, whatever the number of callers, and goes on where the time of a caller is over.
    ///
    /// - Throws: `timedOut` where it is not there in time, and why the login failed.
    func renew(_ old: String?, within limit: Duration) throws(EtcdError) -> String {
        let login: Login
        switch state.withLock({ $0.next(after: old) }) {
        case .token(let token): return token
        case .wait(let current): login = current
        case .begin(let new):
            login = new
            let isStarted = startThread { [self] in
                do throws(EtcdError) { end(new, .success(try authenticate())) } catch { end(new, .failure(error)) }
            }
            if !isStarted { end(new, .failure(EtcdError(.exhausted, "etcd: the system has no thread for the login of the user"))) }
        }
        guard let outcome = login.wait(within: limit) else {
            throw EtcdError(.timedOut, "etcd: the login of the user did not end within \(limit.seconds) s")
        }
        return try outcome.get()
    }

    private func end(_ login: Login, _ outcome: Outcome) {
        state.withLock { state in
            state.login = nil
            if case .success(let token) = outcome { state.token = token }
        }
        login.end(outcome)
    }

    /// A login, which any number of threads wait for.
    private final class Login: Sendable {
        private let outcome = Mutex<Outcome?>(nil)
        private let group = DispatchGroup()

        init() { group.enter() }

        func end(_ outcome: Outcome) {
            self.outcome.withLock { $0 = outcome }
            group.leave()
        }

        /// - Returns: nil where it took longer.
        func wait(within limit: Duration) -> Outcome? {
            _ = group.wait(timeout: .now() + limit.seconds)
            return outcome.withLock { $0 }
        }
    }
}
