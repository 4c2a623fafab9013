/// The most bytes that the texts of a job may have.
///
/// What else a job has is limited by what it means: addresses and host names by 253 bytes, `ca_file` by the longest path, `send` and
/// `expect` by a datagram, `command` by the longest argument of a program.
package struct LengthLimits: Sendable {
    /// The id of a load balancer or a node.
    package private(set) var id = 255
    /// The name of a load balancer.
    package private(set) var name = 255
    /// `monitor.path`, which goes into a request of HTTP and a line of haproxy's configuration.
    package private(set) var path = 2048
    /// `monitor.host`.
    package private(set) var host = 255
    /// `monitor.method`.
    package private(set) var method = 32
    /// `monitor.expected_codes`.
    package private(set) var codes = 1024
    /// `hpcs_object_store_basepath`.
    package private(set) var basePath = 1024
    /// `hpcs_object_store_endpoint`.
    package private(set) var endpoint = 2048
    /// `hpcs_object_store_token`.
    package private(set) var token = 1 << 16

    /// What jobs and the configuration file are held to.
    package static let standard = LengthLimits()
    /// What the state is held to, which may be from before there were limits.
    package static let none: LengthLimits = {
        var limits = LengthLimits()
        (limits.id, limits.name, limits.path, limits.host, limits.method, limits.codes) = (.max, .max, .max, .max, .max, .max)
        return limits
    }()
}
