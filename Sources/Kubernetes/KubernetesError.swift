/// Why a cluster cannot be read.
package struct KubernetesError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable {
        /// An option, a kubeconfig or a file that it names cannot be used.
        case configuration
        /// A text is not what it should be: no JSON, no YAML, or not the objects that were asked for.
        case invalidText
        /// A file or a folder cannot be read.
        case unreadable
        /// This host has no thread or memory for it.
        case exhausted
    }

    /// What kind of failure it is.
    package let code: Code
    /// What went wrong, where, and what to do.
    package let message: String

    /// The message.
    package var description: String { message }

    /// A failure.
    package init(_ code: Code, _ message: String) { (self.code, self.message) = (code, message) }
}
