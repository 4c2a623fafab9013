import LBaaS
import Requests
import TestSupport
import Testing

/// Changes of one load balancer.
@Suite struct ChangeTests {
    private let api: TestAPI

    init() throws {
        api = try TestAPI()
        api.core.hold([item("a")])
    }

    private var options: ChangeOptions? {
        if case .change(_, let options)? = api.core.submitted.all.last?.request { options } else { nil }
    }

    @Test func aLoadBalancerIsDeletedSuspendedAndEnabledInTheNameOfTheClient() throws {
        #expect(try api.ask("DELETE", "/v1/load-balancers/a?force=true", as: "operator").status == 204)
        #expect(options == ChangeOptions(isForced: true))
        let suspended = try api.ask("POST", "/v1/load-balancers/a/suspend", as: "operator")
        #expect(suspended.status == 200 && suspended.body.hasPrefix(#"{"id":"a""#) && suspended.headers["etag"] == "\"7\"")
        #expect(try api.ask("POST", "/v1/load-balancers/a/enable", as: "operator").status == 200)
        let names = api.core.submitted.all.map { submitted in
            if case .change(let change, _) = submitted.request { change.name } else { "" }
        }
        #expect(names == ["DELETE", "SUSPEND", "ENABLE"])
        #expect(api.core.submitted.all.allSatisfy { $0.request.loadBalancers == ["a"] && $0.origin.name == "api:operator-name" })
    }

    @Test func aLoadBalancerIsPutUnderTheIdOfThePath() throws {
        for body in ["{}", "{\"protocol\": \"TCP\"}", "{\"id\": \"a\"}", " {\"x\": {}} "] {
            #expect(try api.ask("PUT", "/v1/load-balancers/a", body, as: "operator").status == 200, "\(body)")
        }
        #expect(api.core.submitted.all.map(\.request.loadBalancers) == [["a"], ["a"], ["a"], ["a"]])
        #expect(api.core.submitted.all.allSatisfy { $0.origin.name == "api:operator-name" })
    }

    @Test(arguments: [
        "", "x", "[]", "[{\"id\": \"a\"}]", "\"a\"", "{\"id\": \"a\"}, {\"id\": \"c\"}", "{}], \"hpcs_action\": \"DELETE\", \"x\": [{}",
        "{",
        "{\"id\": \"b\"}",
    ])
    func aBodyThatIsNoLoadBalancerOfThatIdChangesNothing(body: String) throws {
        let response = try api.ask("PUT", "/v1/load-balancers/a", body)
        #expect(response.status == 400 && response.headers["content-type"] == "application/problem+json", "\(response)")
        #expect(api.core.submitted.all.isEmpty)
    }

    @Test func aNodeGetsAWeightAndAConditionAndTheRestStays() throws {
        api.core.hold([item("a", NodeStatus(id: "m", isUp: true), NodeStatus(id: "n", isUp: true))])
        let body = "{\"weight\": 5, \"condition\": \"draining\"}"
        #expect(try api.ask("PATCH", "/v1/load-balancers/a/nodes/n", body, as: "operator").status == 200)
        guard case .change(.create(let changed), let options)? = api.core.submitted.all.last?.request else { throw Failure("no CREATE") }
        #expect(changed.map { $0.nodes.map(\.weight) } == [[1, 5]])
        #expect(changed.map { $0.nodes.map(\.condition) } == [[.enabled, .draining]])
        // It is committed only where the load balancer is still the one that was read.
        #expect(options == ChangeOptions(expectedRevision: 7))
        #expect(try api.ask("PATCH", "/v1/load-balancers/a/nodes/x", body).status == 404)
        #expect(try api.ask("PATCH", "/v1/load-balancers/b/nodes/n", body).status == 404)
    }

    @Test func aPatchIsTriedAgainWhereTheLoadBalancerHasChangedMeanwhile() throws {
        api.core.hold([item("a", NodeStatus(id: "n", isUp: true))])
        api.core.answer(.refused(Refusal(.precondition, "it is not as it was")))
        #expect(try api.ask("PATCH", "/v1/load-balancers/a/nodes/n", "{\"weight\": 5}").status == 412)
        #expect(api.core.submitted.all.count == 10)
    }

    @Test(arguments: [
        "", "[]", "{}", "{\"weight\": -1}", "{\"weight\": 257}", "{\"weight\": \"x\"}", "{\"weight\": null}", "{\"condition\": \"GONE\"}",
        "{\"condition\": 1}", "{\"weight\": 1, \"port\": 2}", "{\"weight\": 1, \"weight\": 2}",
    ])
    func aPatchThatIsNoneChangesNothing(body: String) throws {
        api.core.hold([item("a", NodeStatus(id: "n", isUp: true))])
        #expect(try api.ask("PATCH", "/v1/load-balancers/a/nodes/n", body).status == 400)
        #expect(api.core.submitted.all.isEmpty)
    }

    @Test func aDryRunIsAPlanAndAViewerMayAskForIt() throws {
        api.core.answer(.planned(["stop a"]))
        let response = try api.ask("POST", "/v1/load-balancers/a/suspend?dry_run=true", as: "viewer")
        #expect(response.status == 200 && response.body == "{\"plan\": [\"stop a\"]}\n")
        #expect(options?.isDryRun == true)
        #expect(try api.ask("POST", "/v1/load-balancers/a/suspend?dry_run=false", as: "viewer").status == 403)
        #expect(try api.ask("POST", "/v1/jobs?dry_run=true", "a", as: "viewer").status == 403)
    }

    @Test(arguments: [
        ("\"17\"", UInt64(17)), ("*", nil), ("\"17\", \"19\"", 19), ("W/\"18\", \"3\"", 3), (" \"4\" ", 4),
    ])
    func theRevisionOfIfMatchGoesWithTheChange(field: String, revision: UInt64?) throws {
        let client = try HTTPTestClient(api.port)
        let head = "DELETE /v1/load-balancers/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n"
        #expect(try client.ask("\(head)If-Match: \(field)\r\n\r\n").status == 204)
        #expect(options?.expectedRevision == revision)
    }

    @Test(arguments: [("17", 400), ("\"", 400), ("", 412), ("W/\"17\"", 412), ("\"abc\"", 412), ("\"-1\"", 412)])
    func anIfMatchThatCannotHoldChangesNothing(field: String, status: Int) throws {
        let client = try HTTPTestClient(api.port)
        let head = "DELETE /v1/load-balancers/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n"
        #expect(try client.ask("\(head)If-Match: \(field)\r\n\r\n").status == status)
        #expect(api.core.submitted.all.isEmpty)
    }

    @Test func aRequestThatComesAgainWithItsKeyIsDoneOnceAndAnsweredAlike() throws {
        func ask(_ key: String, _ path: String = "/v1/load-balancers/a", as role: String = "admin") throws -> HTTPTestClient.Response {
            let head = "DELETE \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(role)\r\n"
            return try HTTPTestClient(api.port).ask("\(head)Idempotency-Key: \(key)\r\n\r\n")
        }
        #expect(try ask("one").status == 204)
        #expect(try ask("one").status == 204)
        #expect(api.core.submitted.all.count == 1)
        // The key of another client is another key.
        #expect(try ask("one", as: "operator").status == 204)
        #expect(try ask("one", "/v1/load-balancers/b").status == 422)
        #expect(try ask("one", "/v1/load-balancers/a?force=true").status == 422)
        #expect(api.core.submitted.all.count == 2)
        // What was refused for good is refused again; what may be tried again is.
        api.core.answer(.refused(Refusal(.conflict, "no")))
        #expect(try ask("two").status == 409)
        api.core.answer(.refused(Refusal(.busy, "later")))
        #expect(try ask("two").status == 409)
        #expect(try ask("three").status == 429)
        api.core.answer(.changed)
        #expect(try ask("three").status == 204)
        for key in ["", String(repeating: "k", count: 256), "a\r\nIdempotency-Key: b"] { #expect(try ask(key).status == 400) }
    }

    @Test func aRequestThatComesAgainBeforeItIsAnsweredIsTold() throws {
        api.core.answer(nil)
        var client: HTTPTestClient? = try HTTPTestClient(api.port)
        let head = "POST /v1/load-balancers/a/enable HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n"
        try client?.send("\(head)Idempotency-Key: k\r\n\r\n")
        try waitUntil("it is submitted") { api.core.open.all.count == 1 }
        #expect(try HTTPTestClient(api.port).ask("\(head)Idempotency-Key: k\r\n\r\n").status == 409)
        // Its client goes, and the answer is there for the next.
        client = nil
        api.core.hold([item("a")])
        api.core.open.all[0](.changed)
        #expect(try HTTPTestClient(api.port).ask("\(head)Idempotency-Key: k\r\n\r\n").status == 200)
        #expect(api.core.submitted.all.count == 1)
    }

    @Test func whatAClientHasAlreadyIsNotSentAgain() throws {
        api.core.hold([item("a")])
        func ask(_ tag: String, _ path: String = "/v1/load-balancers/a") throws -> HTTPTestClient.Response {
            let head = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n"
            return try HTTPTestClient(api.port).ask("\(head)If-None-Match: \(tag)\r\n\r\n")
        }
        for path in ["/v1/load-balancers/a", "/v1/load-balancers"] {
            let unchanged = try ask("\"6\", \"7\"", path)
            #expect(unchanged.status == 304 && unchanged.body.isEmpty && unchanged.headers["etag"] == "\"7\"")
            #expect(try ask("W/\"7\"", path).status == 304)
            for tag in ["\"6\"", "7", "\"x\""] { #expect(try ask(tag, path).status == 200) }
        }
    }

    @Test func aPutForSomethingNewExpectsNothing() throws {
        let body = "{\"protocol\": \"TCP\"}"
        let head =
            "PUT /v1/load-balancers/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n"
        api.core.hold([item("a")])
        #expect(try HTTPTestClient(api.port).ask("\(head)If-None-Match: *\r\n\r\n\(body)").status == 200)
        #expect(options?.expectedRevision == 0)
        #expect(try HTTPTestClient(api.port).ask("\(head)If-None-Match: \"7\"\r\n\r\n\(body)").status == 400)
        #expect(try HTTPTestClient(api.port).ask("\(head)If-Match: \"0\"\r\n\r\n\(body)").status == 412)
    }

    @Test(arguments: ["?dry_run=yes", "?force=1", "?forced=true", "?force=true&force=false"])
    func aWrongParameterChangesNothing(query: String) throws {
        #expect(try api.ask("DELETE", "/v1/load-balancers/a\(query)").status == 400)
        #expect(try api.ask("POST", "/v1/load-balancers/a/enable?force=true").status == 400)
        #expect(api.core.submitted.all.isEmpty)
    }
}
