import FleetModel
import LBaaS

/// A load balancer as the API shows it.
struct LoadBalancerView: ObjectView {
    static let names: (one: StaticString, many: StaticString, links: StaticString) = (
        "loadbalancer", "loadbalancers", "loadbalancers_links"
    )

    let record: LoadBalancerRecord
    let status: ProvisioningStatus
    let operating: String
    let listeners: [String]
    let pools: [String]
    let network: String
    let subnet: String?
    var head: ObjectHead { record.head }

    static let fields: [Field<LoadBalancerView>] =
        commonFields(hasDescription: true) + [
            Field("vip_address") { .text($0.record.address.description) },
            Field("vip_port_id") { .text($0.record.port ?? UUIDText.of("port/" + $0.record.head.id)) },
            Field("vip_subnet_id") { .text($0.subnet) }, Field("vip_network_id") { .text($0.network) },
            Field("vip_qos_policy_id") { _ in .null }, Field("vip_sg_ids") { _ in .texts([]) },
            Field("vip_vnic_type") { _ in .text("normal") },
            Field("additional_vips") { _ in .texts([]) }, Field("listeners") { .references($0.listeners) },
            Field("pools") { .references($0.pools) }, Field("provider") { .text($0.record.provider) }, Field("flavor_id") { _ in .null },
            Field("availability_zone") { _ in .null },
        ]
}

/// A listener as the API shows it.
struct ListenerView: ObjectView {
    static let names: (one: StaticString, many: StaticString, links: StaticString) = ("listener", "listeners", "listeners_links")

    let record: ListenerRecord
    let status: ProvisioningStatus
    let operating: String
    var head: ObjectHead { record.head }

    static let fields: [Field<ListenerView>] =
        commonFields(hasDescription: true) + [
            Field("protocol") { .text($0.record.serviceProtocol.rawValue) }, Field("protocol_port") { .number(Int($0.record.port)) },
            Field("connection_limit") { _ in .number(-1) }, Field("default_tls_container_ref") { _ in .null },
            Field("sni_container_refs") { _ in .texts([]) }, Field("default_pool_id") { .text($0.record.defaultPool) },
            Field("l7policies") { _ in .references([]) },
            Field("insert_headers") { .object($0.record.insertsForwardedFor ? [FieldMember("X-Forwarded-For", .text("true"))] : []) },
            Field("loadbalancers") { .references([$0.record.loadBalancer]) },
            Field("loadbalancer_id", isShown: false) { .text($0.record.loadBalancer) },
            Field("timeout_client_data") { .number($0.record.clientTimeout) },
            Field("timeout_member_connect") { .number($0.record.connectTimeout) },
            Field("timeout_member_data") { .number($0.record.memberTimeout) }, Field("timeout_tcp_inspect") { _ in .number(0) },
            Field("client_ca_tls_container_ref") { _ in .null }, Field("client_authentication") { _ in .text("NONE") },
            Field("client_crl_container_ref") { _ in .null }, Field("allowed_cidrs") { _ in .null }, Field("tls_ciphers") { _ in .null },
            Field("tls_versions") { _ in .texts([]) }, Field("alpn_protocols") { _ in .texts([]) }, Field("hsts_max_age") { _ in .null },
            Field("hsts_include_subdomains") { _ in .flag(false) }, Field("hsts_preload") { _ in .flag(false) },
        ]
}

/// A pool as the API shows it.
struct PoolView: ObjectView {
    static let names: (one: StaticString, many: StaticString, links: StaticString) = ("pool", "pools", "pools_links")

    let record: PoolRecord
    let status: ProvisioningStatus
    let operating: String
    let listeners: [String]
    /// The members and the monitor that are there yet.
    let members: [MemberView]
    let monitor: MonitorView?
    var head: ObjectHead { record.head }

    static let fields: [Field<PoolView>] =
        commonFields(hasDescription: true) + [
            Field("protocol") { .text($0.record.serviceProtocol) }, Field("lb_algorithm") { .text($0.record.algorithm) },
            Field("session_persistence") { persistence($0.record) }, Field("loadbalancers") { .references([$0.record.loadBalancer]) },
            Field("loadbalancer_id", isShown: false) { .text($0.record.loadBalancer) }, Field("listeners") { .references($0.listeners) },
            Field("listener_id", isShown: false) { .references($0.listeners) }, Field("healthmonitor_id") { .text($0.monitor?.head.id) },
            Field("members") { .references($0.members.map(\.head.id)) }, Field("tls_container_ref") { _ in .null },
            Field("ca_tls_container_ref") { _ in .null }, Field("crl_container_ref") { _ in .null },
            Field("tls_enabled") { _ in .flag(false) },
            Field("tls_ciphers") { _ in .null }, Field("tls_versions") { _ in .texts([]) }, Field("alpn_protocols") { _ in .texts([]) },
        ]

    private static func persistence(_ record: PoolRecord) -> FieldValue {
        switch record.persistence {
        case nil: .null
        case .httpCookie?: persistence("HTTP_COOKIE", nil)
        case .sourceIP(let timeout)?: persistence("SOURCE_IP", timeout)
        }
    }

    private static func persistence(_ type: String, _ timeout: Int?) -> FieldValue {
        .object([
            FieldMember("type", .text(type)), FieldMember("cookie_name", .null), FieldMember("persistence_timeout", .number(timeout)),
            FieldMember("persistence_granularity", .null),
        ])
    }
}

/// A member as the API shows it.
struct MemberView: ObjectView {
    static let names: (one: StaticString, many: StaticString, links: StaticString) = ("member", "members", "members_links")

    let record: MemberRecord
    let status: ProvisioningStatus
    let operating: String
    var head: ObjectHead { record.head }

    static let fields: [Field<MemberView>] =
        commonFields(hasDescription: false) + [
            Field("address") { .text($0.record.address.description) }, Field("protocol_port") { .number(Int($0.record.port)) },
            Field("weight") { .number($0.record.weight) }, Field("backup") { .flag($0.record.isBackup) },
            Field("subnet_id") { .text($0.record.subnet) }, Field("monitor_port") { _ in .null }, Field("monitor_address") { _ in .null },
            Field("vnic_type") { _ in .text("normal") },
        ]
}

/// A health monitor as the API shows it.
struct MonitorView: ObjectView {
    static let names: (one: StaticString, many: StaticString, links: StaticString) = (
        "healthmonitor", "healthmonitors", "healthmonitors_links"
    )

    let record: MonitorRecord
    let pool: String
    let status: ProvisioningStatus
    let operating: String
    var head: ObjectHead { record.head }

    static let fields: [Field<MonitorView>] =
        commonFields(hasDescription: false) + [
            Field("type") { .text($0.record.type) }, Field("delay") { .number($0.record.delay) },
            Field("timeout") { .number($0.record.timeout) }, Field("max_retries") { .number($0.record.maxRetries) },
            Field("max_retries_down") { .number($0.record.maxRetriesDown) }, Field("http_method") { .text($0.record.method) },
            Field("url_path") { .text($0.record.path) }, Field("expected_codes") { .text($0.record.expectedCodes) },
            Field("domain_name") { .text($0.record.domainName) }, Field("http_version") { .decimal($0.record.httpVersion) },
            Field("pools") { .references([$0.pool]) }, Field("pool_id", isShown: false) { .text($0.pool) },
        ]
}

/// The fields that all objects have.
private func commonFields<View: ObjectView>(hasDescription: Bool) -> [Field<View>] {
    [
        Field("id") { .text($0.head.id) }, Field("name") { .text($0.head.name) }, Field("provisioning_status") { .text($0.status.name) },
        Field("operating_status") { .text($0.operating) }, Field("admin_state_up") { .flag($0.head.isEnabled) },
        Field("project_id") { .text($0.head.project) }, Field("tenant_id") { .text($0.head.project) },
        Field("created_at") { .time($0.head.created) }, Field("updated_at") { .time($0.head.updated) },
        Field("tags") { .texts($0.head.tags) },
        // What Octavia has no field for: the words of the worker that refused it.
        Field("provisioning_error", isShown: hasDescription) {
            if case .error(let sentence) = $0.status { .text(sentence) } else { .null }
        },
    ] + (hasDescription ? [Field("description") { .text($0.head.description) }] : [])
}
