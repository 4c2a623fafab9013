/// Where in a job something stands. Made for every value that is looked at, so it costs nothing until it is written out.
struct JSONPath: CustomStringConvertible {
    private var loadBalancer: Int32 = -1
    private var node: Int32 = -1
    private var outer: StaticString = ""
    private var inner: StaticString = ""

    /// The job itself.
    static let job = JSONPath()

    /// One of the load balancers.
    static func loadBalancer(_ index: Int) -> JSONPath {
        var path = JSONPath()
        path.loadBalancer = Int32(truncatingIfNeeded: index)
        return path
    }

    /// One of the nodes of this load balancer.
    func node(_ index: Int) -> JSONPath {
        var path = self
        path.node = Int32(truncatingIfNeeded: index)
        return path
    }

    /// A field below.
    func field(_ name: StaticString) -> JSONPath {
        var path = self
        if outer.utf8CodeUnitCount == 0 { path.outer = name } else { path.inner = name }
        return path
    }

    /// `loadBalancers[0].nodes[2].port`; `job` for the job itself.
    var description: String {
        var parts: [String] = []
        if loadBalancer >= 0 { parts.append("loadBalancers[\(loadBalancer)]") }
        if node >= 0 { parts.append("nodes[\(node)]") }
        for field in [outer, inner] where field.utf8CodeUnitCount > 0 { parts.append(field.description) }
        return parts.isEmpty ? "job" : parts.joined(separator: ".")
    }
}
