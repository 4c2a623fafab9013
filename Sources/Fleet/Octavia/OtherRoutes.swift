import Authorization
import FleetAuth
import FleetModel
package import HTTPServer
import LBaaS

extension OctaviaAPI {
    var quotaRoutes: [(HTTPMethod, String, Handler)] {
        [
            (.get, "/quotas", listQuotas), (.get, "/quotas/defaults", { _ in .quota(nil, QuotaRecord(), configuration.quota) }),
            (.get, "/quotas/{id}", showQuota), (.put, "/quotas/{id}", updateQuota), (.delete, "/quotas/{id}", deleteQuota),
            (.get, "/quotas/{id}/default", { call in .quota(call.id(), QuotaRecord(), configuration.quota) }),
        ]
    }

    @Sendable private func listQuotas(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        let project = call.request.query("project_id")
        if let project, !call.session.sees(project) { throw OctaviaFault.forbidden }
        let quotas = cache.read { state in
            // One without limits was written for the sake of those that are created at a time.
            state.quotas.filter { !$0.value.record.limits.isEmpty }.filter { call.session.sees($0.key) && (project ?? $0.key) == $0.key }
                .sorted { $0.key < $1.key }
        }
        let standard = configuration.quota
        return .octavia(
            200,
            ObjectWriter.object { writer in
                writer.list("quotas") { list in
                    for (project, quota) in quotas { list.element { $0.quota(project, quota.record, standard) } }
                }
                writer.list("quotas_links") { _ in }
            })
    }

    @Sendable private func showQuota(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        if !call.session.sees(call.id()) { throw OctaviaFault.forbidden }
        return .quota(call.id(), cache.read { $0.quotas[call.id()]?.record } ?? QuotaRecord(), configuration.quota)
    }

    private static let quotaNames: [(QuotaRecord.Resource, [String])] = [
        (.loadBalancer, ["loadbalancer", "load_balancer"]), (.listener, ["listener"]), (.pool, ["pool"]), (.member, ["member"]),
        (.healthMonitor, ["healthmonitor", "health_monitor"]),
    ]

    @Sendable private func updateQuota(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        guard call.session.decision(on: .administer) == .allowed else { throw OctaviaFault.forbidden }
        let names = Self.quotaNames.flatMap(\.1) + ["l7policy", "l7rule"]
        let fields = try Fields.root(call.request.body, "quota", known: Set(names))
        let project = call.id()
        guard (1...64).contains(project.utf8.count) else { throw .input("project_id", project, "Value should have 1 to 64 bytes") }
        let record = try change(call, "quota.update") { (edit) throws(OctaviaFault) in
            let old = edit.state.quotas[project]
            var record = old?.record ?? QuotaRecord()
            for (resource, names) in Self.quotaNames {
                // A null is the default.
                for name in names where fields.has(name) { record.limits[resource] = try fields.number(name, -1...2_000_000_000) }
            }
            edit.put(.object(.quota, id: project), record.json, revision: old?.revision ?? 0)
            return (record, project)
        }
        return .quota(project, record, configuration.quota, status: 202)
    }

    @Sendable private func deleteQuota(_ call: Call) throws(OctaviaFault) -> HTTPResponse {
        guard call.session.decision(on: .administer) == .allowed else { throw OctaviaFault.forbidden }
        try change(call, "quota.delete") { (edit) throws(OctaviaFault) in
            guard let old = edit.state.quotas[call.id()], !old.record.limits.isEmpty else { throw .notFound("Quotas", call.id()) }
            edit.put(.object(.quota, id: call.id()), nil, revision: old.revision)
            return ((), call.id())
        }
        return HTTPResponse(status: 204)
    }
}

extension ObjectWriter {
    fileprivate mutating func quota(_ project: String?, _ record: QuotaRecord, _ standard: Int) {
        func limit(_ resource: QuotaRecord.Resource) -> Int { record.limits[resource] ?? standard }
        if let project { text("project_id", project) }
        number("loadbalancer", limit(.loadBalancer))
        number("load_balancer", limit(.loadBalancer))
        number("listener", limit(.listener))
        number("pool", limit(.pool))
        number("member", limit(.member))
        number("healthmonitor", limit(.healthMonitor))
        number("health_monitor", limit(.healthMonitor))
        number("l7policy", 0)
        number("l7rule", 0)
    }
}

extension HTTPResponse {
    fileprivate static func quota(_ project: String?, _ record: QuotaRecord, _ standard: Int, status: Int = 200) -> HTTPResponse {
        octavia(status, ObjectWriter.object { $0.object("quota") { $0.quota(project, record, standard) } })
    }

    /// A response with lists of nothing.
    fileprivate static func nothing(_ names: StaticString...) -> HTTPResponse {
        octavia(200, ObjectWriter.object { writer in for name in names { writer.list(name) { _ in } } })
    }
}

extension OctaviaAPI {
    var otherRoutes: [(HTTPMethod, String, Handler)] {
        var routes: [(HTTPMethod, String, Handler)] = [
            (.get, "/providers", listProviders), (.get, "/providers/{id}/flavor_capabilities", { _ in .nothing("flavor_capabilities") }),
            (.get, "/providers/{id}/availability_zone_capabilities", { _ in .nothing("availability_zone_capabilities") }),
            (.get, "/flavors", { _ in .nothing("flavors", "flavors_links") }),
            (.get, "/flavorprofiles", { _ in .nothing("flavorprofiles", "flavorprofiles_links") }),
            (.get, "/availabilityzones", { _ in .nothing("availability_zones", "availability_zones_links") }),
            (.get, "/availabilityzoneprofiles", { _ in .nothing("availability_zone_profiles", "availability_zone_profiles_links") }),
            (.get, "/l7policies", { _ in .nothing("l7policies", "l7policies_links") }),
            (.get, "/l7policies/{id}", { call throws(OctaviaFault) in throw OctaviaFault.notFound("L7Policy", call.id()) }),
        ]
        let missing = [
            ("/l7policies", "No worker looks at requests to choose a pool: there are no L7 policies."),
            ("/flavors", "There are no flavors: all workers of a group are alike."),
            ("/flavorprofiles", "There are no flavors: all workers of a group are alike."),
            ("/availabilityzones", "There are no availability zones: groups of workers are in the configuration."),
            ("/availabilityzoneprofiles", "There are no availability zones: groups of workers are in the configuration."),
        ]
        for (path, sentence) in missing {
            routes.append((.post, path, { _ throws(OctaviaFault) in throw OctaviaFault.notImplemented(sentence) }))
        }
        return routes
    }

    @Sendable private func listProviders(_ call: Call) -> HTTPResponse {
        .octavia(
            200,
            ObjectWriter.object { writer in
                writer.list("providers") { list in
                    for name in NewLoadBalancer.providers {
                        list.element {
                            $0.text("name", name)
                            $0.text(
                                "description",
                                name == "octavia" ? "The same as lbaas, for clients that name it." : "The workers of this fleet.")
                        }
                    }
                }
            })
    }

    /// The versions of the API, for `GET /`.
    @Sendable package static func versions(_ request: HTTPRequest) -> HTTPResponse {
        let url = request.baseURL
        return .octavia(
            200,
            ObjectWriter.object { writer in
                writer.list("versions") { list in
                    for minor in 0...27 {
                        list.element { version in
                            version.text("id", "v2.\(minor)")
                            version.text("status", minor == 27 ? "CURRENT" : "SUPPORTED")
                            version.text("updated", "2023-05-05T00:00:00Z")
                            version.list("links") { links in
                                links.element {
                                    $0.text("href", url + "/v2.0")
                                    $0.text("rel", "self")
                                }
                            }
                        }
                    }
                }
            })
    }

    /// What clients of load balancers ask Neutron for: each group of workers is a network, and each of its ranges a subnet.
    var networkRoutes: [(HTTPMethod, String, Handler)] {
        [
            (.get, "/networks", { call throws(OctaviaFault) in try listNetworks(call, networks) }),
            (.get, "/networks/{id}", { call throws(OctaviaFault) in try showNetwork(call, "network", "Network", networks) }),
            (.get, "/subnets", { call throws(OctaviaFault) in try listNetworks(call, subnets) }),
            (.get, "/subnets/{id}", { call throws(OctaviaFault) in try showNetwork(call, "subnet", "Subnet", subnets) }),
            (.get, "/ports", { _ in .nothing("ports") }), (.get, "/qos/policies", { _ in .nothing("policies") }),
            (.get, "/security-groups", { _ in .nothing("security_groups") }), (.get, "/extensions", { _ in .nothing("extensions") }),
            // Workers are none of Octavia's amphorae.
            (.get, "/octavia/amphorae", { _ in .nothing("amphorae", "amphorae_links") }),
        ]
    }

    private var groups: [FleetGroup] { cache.read { Array($0.groups.values) }.sorted { $0.name < $1.name } }

    private func networks(_ project: String) -> (StaticString, [[FieldMember]]) {
        let networks = groups.map { group -> [FieldMember] in
            [
                FieldMember("id", .text(FleetNetwork.id(group.name))), FieldMember("name", .text(group.name)),
                FieldMember("status", .text("ACTIVE")),
                FieldMember("admin_state_up", .flag(true)), FieldMember("shared", .flag(true)),
                FieldMember("router:external", .flag(false)),
                FieldMember("project_id", .text(project)), FieldMember("tenant_id", .text(project)),
                FieldMember("description", .text("A group of workers.")),
                FieldMember("subnets", .texts(group.addresses.map { FleetNetwork.subnetID(group.name, $0) })),
                FieldMember("tags", .texts([])),
            ]
        }
        return ("networks", networks)
    }

    private func subnets(_ project: String) -> (StaticString, [[FieldMember]]) {
        let subnets = groups.flatMap { group in
            group.addresses.map { range -> [FieldMember] in
                [
                    FieldMember("id", .text(FleetNetwork.subnetID(group.name, range))),
                    FieldMember("name", .text("\(group.name) \(range)")),
                    FieldMember("network_id", .text(FleetNetwork.id(group.name))), FieldMember("cidr", .text(range.network)),
                    FieldMember("ip_version", .number(range.isIPv6 ? 6 : 4)), FieldMember("gateway_ip", .null),
                    FieldMember("enable_dhcp", .flag(false)),
                    FieldMember(
                        "allocation_pools",
                        .objects([
                            [FieldMember("start", .text("\(range.bounds.first)")), FieldMember("end", .text("\(range.bounds.last)"))]
                        ])),
                    FieldMember("project_id", .text(project)), FieldMember("tenant_id", .text(project)),
                    FieldMember("description", .text("")), FieldMember("dns_nameservers", .texts([])),
                    FieldMember("host_routes", .objects([])), FieldMember("tags", .texts([])),
                ]
            }
        }
        return ("subnets", subnets)
    }

    private func listNetworks(
        _ call: Call, _ all: (String) -> (StaticString, [[FieldMember]])
    ) throws(OctaviaFault) -> HTTPResponse {
        let (name, objects) = all(call.session.project)
        let filters = call.request.query.filter { !["limit", "marker", "fields", "sort_key", "sort_dir"].contains($0.name) }
        let found = objects.filter { object in
            filters.allSatisfy { filter in
                object.first { "\($0.name)" == filter.name }.map { $0.value.matches(filter.value) } ?? true
            }
        }
        return .octavia(
            200,
            ObjectWriter.object { $0.list(name) { list in for object in found { list.element { FieldValue.write(object, to: &$0) } } } })
    }

    private func showNetwork(
        _ call: Call, _ name: StaticString, _ resource: String, _ all: (String) -> (StaticString, [[FieldMember]])
    ) throws(OctaviaFault) -> HTTPResponse {
        let object = all(call.session.project).1.first { object in object.contains { "\($0.name)" == "id" && $0.value.matches(call.id()) } }
        guard let object else { throw .notFound(resource, call.id()) }
        return .octavia(200, ObjectWriter.object { $0.object(name) { FieldValue.write(object, to: &$0) } })
    }
}
