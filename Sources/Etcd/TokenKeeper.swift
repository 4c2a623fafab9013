import HostSystem
import Synchronization

/// The token of the user, which etcd forgets after a while and at a restart.
final class TokenKeeper: Sendable {
    private struct State: Sendable {
        var token: String?
    }

    private let state = Mutex(State())
    /// Held while the user logs in: the others wait for the same token.
    private let login = Mutex(())
    private let authenticate: @Sendable () throws(EtcdError) -> String

    /// - Parameter authenticate: logs the user in, which can take some 100 ms and more, and gives a token.
    init(_ authenticate: @escaping @Sendable () throws(EtcdError) -> String) { self.authenticate = authenticate }

    /// The token; nil before the first login.
    var token: String? { state.withLock { $0.token } }

    /// Gets another token than this one. It is got by a thread of its own, which goes on where the time is over.
    ///
    /// - Throws: `timedOut` where it is not there in time, and why the login failed.
    func renew(_ old: String?, within limit: Duration) throws(EtcdError) -> String {
        let outcome = BlockingCall.run(within: limit) { [self] in
            login.withLock { _ -> Result<String, EtcdError> in
                if let token, token != old { return .success(token) }
                do throws(EtcdError) {
                    let token = try authenticate()
                    state.withLock { $0.token = token }
                    return .success(token)
                } catch {
                    return .failure(error)
                }
            }
        }
        guard let outcome else { throw EtcdError(.timedOut, "etcd: the login of the user did not end in time") }
        return try outcome.get()
    }
}
