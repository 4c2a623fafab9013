/// The description of the fleet's own routes, in OpenAPI 3.1. A test compares it with the routing table.
enum OpenAPI {
    /// The whole document.
    static let text = """
        {"openapi": "3.1.0",
        "info": {"title": "lbaas-server", "version": "1", "description": "\(remark)"},
        "security": [{"token": []}, {"openstack": []}, {"cookie": [], "csrf": []}],
        "paths": \(paths),
        "components": \(components)}

        """

    private static let remark =
        "The routes of a fleet's server that are its own. x-role is the least role that may use an operation; one without it is for anybody who "
        + "can connect. Load balancers are at /v2/lbaas as in OpenStack's Octavia, tokens at /v3 as in OpenStack's Identity API."
}
