/// Why a request to etcd failed.
package struct EtcdError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable {
        /// An endpoint, a file or an option of this client cannot be used.
        case configuration
        /// No connection could be made, or it broke.
        case unreachable
        /// No answer came in time.
        case timedOut
        /// The cluster has no leader, or could not serve the request now.
        case unavailable
        /// TLS failed: this side does not accept the certificate of etcd, or etcd does not accept ours.
        case tls
        /// The user or the password is wrong, or the token is not valid any more.
        case unauthenticated
        /// The user may not do this.
        case permissionDenied
        /// etcd does not accept the request.
        case invalidRequest
        /// The revision was compacted.
        case compacted
        /// The database is full: an alarm NOSPACE is active.
        case noSpace
        /// A request is larger than etcd's limit, or an answer or a message of a watch larger than that of the client.
        case tooLarge
        /// An answer is not what etcd answers.
        case invalidAnswer
        /// The watch was cancelled by this side.
        case cancelled
        /// This host has no thread or memory for it.
        case exhausted
    }

    /// What kind of failure it is.
    package let code: Code
    /// What went wrong, where, and what to do.
    package let message: String
    /// Whether etcd may have carried out the request all the same. False where it certainly did not.
    package let mayBeApplied: Bool

    /// The message.
    package var description: String { message }

    /// A failure.
    package init(_ code: Code, _ message: String, mayBeApplied: Bool = false) {
        self.code = code
        self.message = message
        self.mayBeApplied = mayBeApplied
    }

    /// Whether another endpoint may serve the request that this one failed.
    package var concernsEndpoint: Bool {
        switch code {
        case .unreachable, .timedOut, .unavailable, .tls, .invalidAnswer: true
        default: false
        }
    }
}
