package import Metrics

/// The families that a worker has at `/metrics`. `docs/metrics.md` has the same table.
package enum WorkerMetric {
    static let buildInfo = MetricDescription(
        "lbaas_build_info", .gauge, labels: ["version", "driver", "function"], help: "1, with what runs as labels.")
    static let revision = MetricDescription(
        "lbaas_revision", .gauge, help: "The revision of the state, the number of the last committed change.")
    static let applianceUp = MetricDescription(
        "lbaas_appliance_up", .gauge, help: "Whether the appliance answered when it was asked last: 1, or 0.")

    static let loadBalancers = MetricDescription("lbaas_load_balancers", .gauge, labels: ["state"], help: "Load balancers in each state.")
    static let nodes = MetricDescription("lbaas_nodes", .gauge, labels: ["state"], help: "Nodes of all load balancers in each state.")
    static let loadBalancerState = MetricDescription(
        "lbaas_load_balancer_state", .gauge, labels: ["load_balancer", "state"], help: "1 for the state of the load balancer, 0 for others."
    )
    static let loadBalancerNodes = MetricDescription(
        "lbaas_load_balancer_nodes", .gauge, labels: ["load_balancer"], help: "Nodes of the load balancer.")
    static let loadBalancerNodesUp = MetricDescription(
        "lbaas_load_balancer_nodes_up", .gauge, labels: ["load_balancer"], help: "Nodes of the load balancer that serve.")
    static let sentBytes = MetricDescription(
        "lbaas_load_balancer_sent_bytes_total", .counter, labels: ["load_balancer"],
        help: "Bytes sent to clients, as the appliance counts them.")
    static let receivedBytes = MetricDescription(
        "lbaas_load_balancer_received_bytes_total", .counter, labels: ["load_balancer"],
        help: "Bytes received from clients, as the appliance counts them.")
    static let nodeUp = MetricDescription(
        "lbaas_node_up", .gauge, labels: ["load_balancer", "node"], help: "Whether the node serves: 1, or 0.")
    static let nodeState = MetricDescription(
        "lbaas_node_state", .gauge, labels: ["load_balancer", "node", "state"], help: "1, with the state of the node as a label.")
    static let nodeWeight = MetricDescription(
        "lbaas_node_weight", .gauge, labels: ["load_balancer", "node"], help: "The weight of the node that is in force now.")

    static let nodeConnections = MetricDescription(
        "lbaas_node_connections", .gauge, labels: ["load_balancer", "node"],
        help: "Connections that the node has now, as the appliance counts them.")

    static let jobs = MetricDescription(
        "lbaas_jobs_total", .counter, labels: ["action", "result"], help: "Jobs of job servers and of the API that were answered.")
    static let jobDuration = MetricDescription(
        "lbaas_job_duration_seconds", .histogram, labels: ["action"], help: "Time from a job's arrival to its answer in seconds.")
    static let commitDuration = MetricDescription(
        "lbaas_commit_duration_seconds", .histogram,
        help: "Time of a commit in seconds: from its beginning until its changes are durable or refused.")
    static let commitJobs = MetricDescription(
        "lbaas_commit_jobs", .histogram, help: "Changes and findings of checks that came together in one commit.")
    static let checks = MetricDescription(
        "lbaas_checks_total", .counter, labels: ["type", "result"], help: "Checks of nodes by the worker that ended.")
    static let checkDuration = MetricDescription(
        "lbaas_check_duration_seconds", .histogram, labels: ["type"], help: "Time of a check of a node by the worker in seconds.")
    static let driverOperations = MetricDescription(
        "lbaas_driver_operations_total", .counter, labels: ["operation", "result"],
        help: "Calls of the driver, and groups of changes that it was given (apply).")
    static let driverDuration = MetricDescription(
        "lbaas_driver_operation_duration_seconds", .histogram, labels: ["operation"], help: "Time of a call of the driver in seconds.")
    static let driftRepaired = MetricDescription(
        "lbaas_drift_repaired_total", .counter,
        help: "Load balancers that somebody else had changed on the appliance and that were put right.")
    static let driftFailed = MetricDescription(
        "lbaas_drift_failed_total", .counter,
        help: "Load balancers that somebody else had changed on the appliance and that could not be put right.")

    static let jobServerConnected = MetricDescription(
        "lbaas_job_server_connected", .gauge, labels: ["server"], help: "Whether there is a connection to the job server: 1, or 0.")
    static let clusterConnected = MetricDescription(
        "lbaas_cluster_connected", .gauge, help: "Whether it can be judged who owns the virtual IPs, which needs etcd: 1, or 0.")
    static let virtualIPState = MetricDescription(
        "lbaas_virtual_ip_state", .gauge, labels: ["address", "interface", "state"],
        help: "1 for the state of the virtual IP on this host, 0 for others.")
    static let virtualIPBound = MetricDescription(
        "lbaas_virtual_ip_bound", .gauge, labels: ["address", "interface"], help: "Whether the interface has the address: 1, or 0.")
    static let virtualIPOwner = MetricDescription(
        "lbaas_ip_owner", .gauge, labels: ["address"], help: "Whether this host owns the virtual IP: 1, or 0.")
    static let virtualIPTransitions = MetricDescription(
        "lbaas_virtual_ip_transitions_total", .counter, labels: ["address", "state"],
        help: "Changes of the virtual IP on this host into a state.")
    static let virtualIPRivals = MetricDescription(
        "lbaas_virtual_ip_rival_frames_total", .counter, labels: ["address"],
        help: "Frames of other hosts that claim the address while it is bound here.")
    static let virtualIPAnnouncements = MetricDescription(
        "lbaas_virtual_ip_announcements_total", .counter, labels: ["address"], help: "Announcements of the address by ARP or NDP.")

    static let apiConnections = MetricDescription("lbaas_api_connections", .gauge, help: "Connections to the API now.")
    static let streamClients = MetricDescription("lbaas_sse_clients", .gauge, help: "Clients of the event stream now.")

    /// All of them, in the order in which they are written.
    package static let all =
        [
            buildInfo, revision, applianceUp, loadBalancers, nodes, loadBalancerState, loadBalancerNodes, loadBalancerNodesUp, sentBytes,
            receivedBytes, nodeUp, nodeState, nodeWeight, nodeConnections, jobs, jobDuration, commitDuration, commitJobs, checks,
            checkDuration, driverOperations, driverDuration, driftRepaired, driftFailed, jobServerConnected, clusterConnected,
            virtualIPState, virtualIPBound, virtualIPOwner, virtualIPTransitions, virtualIPRivals, virtualIPAnnouncements,
            RequestMetrics.requests,
            RequestMetrics.duration, apiConnections,
            streamClients,
        ] + ProcessMetric.all
}
