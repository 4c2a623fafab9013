/// The description of the API, in OpenAPI 3.1. A test compares it with the routing table.
enum OpenAPI {
    /// The whole document.
    static let text = """
        {"openapi": "3.1.0",
        "info": {"title": "lbaas-worker", "version": "1", "description": "The HTTP API of a worker. \(remark)"},
        "security": [{"token": []}, {"signature": []}, {"certificate": []}],
        "paths": \(paths),
        "components": \(components)}

        """

    private static let remark = "x-role is the least role that may use an operation; one without it is for anybody who can connect."
}
