import HTTPServer
import TestSupport
import Testing

@Suite("A routing table")
struct RoutingTests {
    let server: TestServer

    init() throws { server = try TestServer() }

    @Test(
        "has nothing elsewhere",
        arguments: ["/nothing", "/things", "/things/", "/things//parts/1", "/things/1/parts", "/things/1/parts/2/", "//", "/who/", "*"])
    func notFound(path: String) throws {
        let response = try Client(server.port).get(path)
        #expect(response.status == 404)
        #expect(response.headers["content-type"] == "application/problem+json")
        #expect(response.body == "{\"title\": \"Not Found\", \"status\": 404, \"detail\": \"there is nothing at \(path)\"}\n")
    }

    @Test("says which methods a path has")
    func methods() throws {
        let client = try Client(server.port)
        let response = try client.ask("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(response.status == 405)
        #expect(response.headers["allow"] == "GET, HEAD, POST, OPTIONS")
        let options = try client.ask("OPTIONS /json HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(options.status == 204)
        #expect(options.headers["allow"] == "PUT, OPTIONS")
        #expect(try client.ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").headers["allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
        #expect(try client.ask("OPTIONS /no HTTP/1.1\r\nHost: a\r\n\r\n").status == 404)
    }

    @Test("answers HEAD as GET, without the body")
    func head() throws {
        let client = try Client(server.port)
        let response = try client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(response.status == 200)
        #expect(response.headers["content-length"] == "5")
        #expect(try client.get("/").body == "hello")
    }

    @Test("has words go before parameters, and goes back where a word leads nowhere")
    func order() throws {
        var routes = HTTPRoutes()
        let answer: @Sendable (String) -> HTTPRoutes.Handler = { text in
            { request in HTTPResponse(type: "text/plain", "\(text) \(request.parameters.map(\.value))") }
        }
        routes.add(.get, "/a/{x}", answer("parameter"))
        routes.add(.get, "/a/b", answer("word"))
        routes.add(.get, "/a/b/c", answer("long word"))
        routes.add(.get, "/{x}/b/{y}", answer("two"))
        let server = HTTPServer(routes: routes)
        defer { server.finish(within: .zero) }
        let client = try Client(try server.listen(on: TCPListener(address: "127.0.0.1", port: 0)))
        #expect(try client.get("/a/b").body == "word []")
        #expect(try client.get("/a/z").body == "parameter [\"z\"]")
        #expect(try client.get("/a/b/c").body == "long word []")
        #expect(try client.get("/a/b/d").body == "two [\"a\", \"d\"]")
        #expect(try client.get("/z/b").status == 404)
        #expect(routes.all.map(\.pattern) == ["/a/{x}", "/a/b", "/a/b/c", "/{x}/b/{y}"])
    }

    @Test("wants a body of the type of the route", arguments: ["text/plain", "", "application/jsonx", "application/x-www-form-urlencoded"])
    func unsupportedType(type: String) throws {
        let body = "{}"
        let response = try Client(server.port).ask(
            "PUT /json HTTP/1.1\r\nHost: a\r\n\(type.isEmpty ? "" : "Content-Type: \(type)\r\n")Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        #expect(response.status == 415)
        #expect(server.handled.all == [])
    }

    @Test(
        "takes a body of the type of the route", arguments: ["application/json", "Application/JSON; charset=utf-8", "application/json ;x"])
    func supportedType(type: String) throws {
        let client = try Client(server.port)
        #expect(try client.ask("PUT /json HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\nContent-Length: 2\r\n\r\n{}").body == "{}")
        #expect(try client.ask("PUT /json HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
    }

    @Test("escapes the text of a problem")
    func problem() {
        let problem = HTTPResponse.problem(422, "a \"b\" \\ \n é", members: ["pointer": "\"/x\""])
        guard case .bytes(let bytes) = problem.body else { return #expect(Bool(false)) }
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "{\"title\": \"Unprocessable Content\", \"status\": 422, \"detail\": \"a \\\"b\\\" \\\\ \\u000a é\", \"pointer\": \"/x\"}\n"
        )
    }
}
