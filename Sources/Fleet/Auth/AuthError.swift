import FleetStore

/// Why somebody was not recognised, or may or can not do what they asked for.
package struct AuthError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of refusal it is.
    package enum Code: Sendable {
        /// The name, the password or the secret is wrong. It is the same whichever it is.
        case badCredentials
        /// The token is unknown, revoked, or not valid any more.
        case badToken
        /// There were too many failures: try again after `retryAfter`.
        case delayed
        /// Too many others are being recognised: try again after `retryAfter`.
        case busy
        /// Whoever asks may not do this.
        case denied
        /// There is no such thing.
        case notFound
        /// There is one with that name already.
        case exists
        /// A value is not one that can be taken.
        case invalid
        /// Somebody else has changed it meanwhile: try again.
        case conflict
        /// The store does not serve.
        case unavailable
        /// This host has no memory or thread for it, or a record in the store cannot be read.
        case failed
    }

    /// What kind of refusal it is.
    package let code: Code
    /// What is wrong and what to do. It has nothing of a secret.
    package let message: String
    /// After how many seconds it is worth trying again.
    package let retryAfter: Int?
    /// Which value of the request it is about: `name`, `project` or `password`; nil where it is about none.
    package let field: String?

    /// The message.
    package var description: String { message }

    /// A refusal.
    package init(_ code: Code, _ message: String, retryAfter: Int? = nil, field: String? = nil) {
        (self.code, self.message, self.retryAfter, self.field) = (code, message, retryAfter, field)
    }

    /// The status of HTTP for it.
    package var httpStatus: Int {
        switch code {
        case .badCredentials, .badToken: 401
        case .delayed, .busy: 429
        case .denied: 403
        case .notFound: 404
        case .exists, .conflict: 409
        case .invalid: 400
        case .unavailable: 503
        case .failed: 500
        }
    }

    /// The one answer to a wrong name, password or secret.
    static var badCredentials: AuthError { AuthError(.badCredentials, "the name, the password or the secret is wrong") }

    /// The one answer to a token that is not valid.
    package static var badToken: AuthError { AuthError(.badToken, "the token is not valid, or not any more: log in again") }

    /// A failure of the store.
    init(_ error: FleetStoreError) {
        switch error.code {
        case .conflict: self.init(.conflict, "it was changed by somebody else meanwhile: try again")
        case .unavailable, .full: self.init(.unavailable, error.message, retryAfter: 1)
        case .tooLarge, .invalid, .compacted, .denied, .damaged, .configuration, .exhausted: self.init(.failed, error.message)
        }
    }
}
