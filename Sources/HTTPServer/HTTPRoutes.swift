/// The routing table: which handler a method and a path have.
///
/// It is made once, before the server starts. A pattern is a path whose segments are words or parameters: `/v1/things/{id}`. A word goes
/// before a parameter in the same place. HEAD is served by the handler of GET, and OPTIONS by the table.
package struct HTTPRoutes: Sendable {
    /// Makes a response at once. It runs on the thread of all connections of a listener: it must not block, nor take longer than some
    /// microseconds.
    package typealias Handler = @Sendable (HTTPRequest) -> HTTPResponse
    /// Has a response made. It must not block; the reply is sent later, from any thread.
    package typealias LateHandler = @Sendable (HTTPRequest, HTTPReply) -> Void

    /// What a route wants of a request besides its method and path.
    package struct Body: Sendable {
        /// The one media type that its body may have, in small letters; nil for any.
        package var type: String?
        /// The most bytes that its body may have; nil for the limit of the server.
        package var limit: Int?

        /// A body of a type, of at most so many bytes.
        package init(type: String? = nil, limit: Int? = nil) {
            self.type = type
            self.limit = limit
        }
    }

    /// A route of the table.
    final class Route: Sendable {
        let pattern: String
        /// Its place in the table.
        let number: Int
        let names: [String]
        let body: Body
        let handle: LateHandler
        /// The handler, where it answers at once.
        let answer: Handler?

        init(pattern: String, number: Int, names: [String], body: Body, answer: Handler?, handle: @escaping LateHandler) {
            self.pattern = pattern
            self.number = number
            self.names = names
            self.body = body
            self.answer = answer
            self.handle = handle
        }
    }

    /// What a request leads to.
    struct Match: Sendable {
        let route: Route
        let parameters: [(name: String, value: String)]
    }

    private struct Node: Sendable {
        var words: [String: Int] = [:]
        var parameter: Int?
        var routes: [HTTPMethod: Route] = [:]
    }

    private var nodes = [Node()]

    /// The methods and patterns of all routes, in the order in which they were added.
    package private(set) var all: [(method: HTTPMethod, pattern: String)] = []

    /// An empty table.
    package init() {}

    /// Adds a route whose handler answers at once. The method and pattern are not in the table yet.
    package mutating func add(_ method: HTTPMethod, _ pattern: String, body: Body = Body(), _ handler: @escaping Handler) {
        insert(method, pattern, body, handler) { $1.send(handler($0)) }
    }

    /// Adds a route whose handler answers later. The method and pattern are not in the table yet.
    package mutating func add(_ method: HTTPMethod, _ pattern: String, body: Body = Body(), late handler: @escaping LateHandler) {
        insert(method, pattern, body, nil, handler)
    }

    private mutating func insert(
        _ method: HTTPMethod, _ pattern: String, _ body: Body, _ answer: Handler?, _ handle: @escaping LateHandler
    ) {
        precondition(pattern.hasPrefix("/"), "the pattern \(pattern) does not begin with /")
        var place = 0
        var names: [String] = []
        for segment in pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            let isParameter = segment.hasPrefix("{") && segment.hasSuffix("}")
            if isParameter { names.append(String(segment.dropFirst().dropLast())) }
            if let next = isParameter ? nodes[place].parameter : nodes[place].words[String(segment)] {
                place = next
                continue
            }
            nodes.append(Node())
            if isParameter {
                nodes[place].parameter = nodes.count - 1
            } else {
                nodes[place].words[String(segment)] = nodes.count - 1
            }
            place = nodes.count - 1
        }
        precondition(nodes[place].routes[method] == nil, "\(method.rawValue) \(pattern) is in the table already")
        nodes[place].routes[method] = Route(pattern: pattern, number: all.count, names: names, body: body, answer: answer, handle: handle)
        all.append((method, pattern))
    }

    /// What a method and a path lead to.
    ///
    /// - Throws: 404 where there is no such path, 405 with the methods of the path where it does not have this one.
    func match(_ method: HTTPMethod, _ target: RequestTarget) throws(HTTPFault) -> Match {
        var values: [String] = []
        guard let node = find(target.segments[...], in: 0, &values) else {
            throw HTTPFault(status: 404, detail: "there is nothing at \(target.path)")
        }
        let routes = nodes[node].routes
        guard let route = routes[method] ?? (method == .head ? routes[.get] : nil) else {
            throw HTTPFault(status: 405, detail: "\(target.path) has no method \(method.rawValue)", allowed: methods(of: node))
        }
        return Match(route: route, parameters: values.isEmpty ? [] : Array(zip(route.names, values)).map { ($0, $1) })
    }

    /// The methods of a path, for `Allow`; all that the table has for the server itself. Nil where there is no such path.
    func methods(_ target: RequestTarget) -> [HTTPMethod]? {
        if target.segments.isEmpty { return HTTPMethod.allCases }
        var values: [String] = []
        return find(target.segments[...], in: 0, &values).map(methods)
    }

    private func methods(of node: Int) -> [HTTPMethod] {
        let routes = nodes[node].routes
        return HTTPMethod.allCases.filter { routes[$0] != nil || $0 == .options || ($0 == .head && routes[.get] != nil) }
    }

    private func find(_ segments: ArraySlice<String>, in place: Int, _ values: inout [String]) -> Int? {
        guard let segment = segments.first else { return nodes[place].routes.isEmpty ? nil : place }
        if let next = nodes[place].words[segment], let found = find(segments.dropFirst(), in: next, &values) { return found }
        guard !segment.isEmpty, let next = nodes[place].parameter else { return nil }
        values.append(segment)
        if let found = find(segments.dropFirst(), in: next, &values) { return found }
        values.removeLast()
        return nil
    }
}
