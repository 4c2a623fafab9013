package import HTTPServer
package import LBaaS

/// Where the API listens, and who may use it.
package struct APIConfiguration: Sendable {
    /// The Unix socket; nil for none.
    package var socket: UnixListener?
    /// Whether the worker goes on where the Unix socket cannot be had: nobody has asked for it.
    package var isSocketOptional = false
    /// The TCP port; nil for none.
    package var tcp: TCPListener?
    /// Who may use it.
    package var access: Access

    /// An API that listens nowhere yet.
    package init(access: Access) { self.access = access }
}

/// What the API tells of the worker itself.
package struct WorkerDescription: Sendable {
    /// A job server.
    package struct JobServer: Sendable {
        /// Its host and port.
        package let address: String
        /// Whether there is a connection to it.
        package let isConnected: Bool

        /// A job server.
        package init(address: String, isConnected: Bool) {
            self.address = address
            self.isConnected = isConnected
        }
    }

    /// Its version.
    package let version: String
    /// The name of its driver.
    package let driver: String
    /// The Gearman function that it serves.
    package let function: String
    /// When it was started.
    package let start: Timestamp
    /// The job servers as they are now. It must not block.
    package let jobServers: @Sendable () -> [JobServer]
    /// Finds out why it cannot do its work, but for the job servers. It must not block; what it is given takes the reasons, in some seconds
    /// at the latest.
    package let problems: @Sendable (@escaping @Sendable ([String]) -> Void) -> Void
    /// What the appliance has counted of load balancers. It may take as long as the appliance does.
    package let traffic: @Sendable ([LoadBalancerID]) -> [LoadBalancerID: [TrafficCounter]]
    /// How many connections nodes of load balancers have. It may take as long as the appliance does.
    package let connections: @Sendable ([LoadBalancerID]) -> [LoadBalancerID: [NodeID: UInt64]]

    /// What the API tells of a worker.
    package init(
        version: String, driver: String, function: String, start: Timestamp, jobServers: @escaping @Sendable () -> [JobServer],
        problems: @escaping @Sendable (@escaping @Sendable ([String]) -> Void) -> Void,
        traffic: @escaping @Sendable ([LoadBalancerID]) -> [LoadBalancerID: [TrafficCounter]],
        connections: @escaping @Sendable ([LoadBalancerID]) -> [LoadBalancerID: [NodeID: UInt64]]
    ) {
        self.problems = problems
        self.traffic = traffic
        self.connections = connections
        self.version = version
        self.driver = driver
        self.function = function
        self.start = start
        self.jobServers = jobServers
    }
}
