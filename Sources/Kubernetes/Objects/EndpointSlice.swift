package import LBaaS

/// An EndpointSlice: some of the endpoints of a service.
package struct EndpointSlice: Hashable, Sendable {
    /// A port that all of its endpoints have.
    package struct Port: Hashable, Sendable {
        /// The name of the port of the service that it stands for.
        package var name: String
        /// Its protocol.
        package var transport: Transport
        /// The number.
        package var port: UInt16
    }

    /// One endpoint, which mostly is a pod.
    package struct Endpoint: Hashable, Sendable {
        /// Where it is.
        package var address: IPAddress
        /// Whether it gets new connections.
        package var isReady = true
        /// Whether it answers, though it may be about to end.
        package var isServing = true
        /// Whether it is about to end.
        package var isTerminating = false
        /// The node that it is on; nil where that is not known.
        package var nodeName: String?
        /// The zones whose clients should use it.
        package var zones: [String] = []
        /// The nodes whose clients should use it.
        package var nodes: [String] = []
    }

    /// Its namespace and name.
    package var key: ObjectKey
    /// The service that it belongs to; nil where it belongs to none that a proxy serves: without the label of a service, or of a headless one.
    package var service: ObjectKey?
    /// As of a service.
    package var proxyName = ""
    /// Its ports.
    package var ports: [Port] = []
    /// Its endpoints; none where they are host names.
    package var endpoints: [Endpoint] = []
    /// When what it tells happened, as the annotation `endpoints.kubernetes.io/last-change-trigger-time` has it.
    package var triggerTime: String?

    /// A slice without endpoints.
    package init(key: ObjectKey) { self.key = key }
}
