package import HTTPServer

/// Where the API of go_keepalived listens, and what its clients must know.
package struct KeepalivedConfiguration: Sendable {
    /// The port that go_keepalived has.
    package static let defaultPort: UInt16 = 62307

    /// Where it listens.
    package var listener: TCPListener
    /// The password that the digest of each request is made with; nil for requests without a digest, which only a loopback address may take.
    package var password: String?

    /// An API that listens here.
    package init(listener: TCPListener, password: String?) {
        self.listener = listener
        self.password = password
    }
}
