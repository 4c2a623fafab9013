import LBaaS
import Requests
import TestSupport
import Testing

@testable import WorkerAPI

/// What the API answers.
@Suite struct ResponseTests {
    private let api: TestAPI

    init() throws { api = try TestAPI() }

    @Test(arguments: [
        (Refusal.Code.invalid, 400), (.notFound, 404), (.conflict, 409), (.precondition, 412), (.unsupported, 422), (.busy, 429),
        (.appliance, 503), (.store, 503), (.expired, 503),
    ])
    func aRefusalIsAProblemWithTheStatusOfItsCodeAndTheWordsOfAJob(code: Refusal.Code, status: Int) throws {
        let sentence = "loadBalancers[0].nodes[2].port: 70000 is not a port"
        api.core.answer(.refused(Refusal(code, sentence)))
        let response = try api.ask("POST", "/v1/plan", "a")
        #expect(response.status == status)
        #expect(response.headers["content-type"] == "application/problem+json")
        #expect(response.body.contains("\"detail\": \"\(sentence)\", \"code\": \"\(code.rawValue)\""))
        #expect(response.body.contains("\"pointer\": \"/loadBalancers/0/nodes/2/port\""))
        let reply = try api.ask("POST", "/v1/jobs", "a")
        #expect(reply.status == 200)
        #expect(reply.body == sentence)
    }

    @Test(arguments: [
        ("loadBalancers[0].nodes[2].port: 7 is too much", "/loadBalancers/0/nodes/2/port"), ("hpcs_action: is missing", "/hpcs_action"),
        ("job: Missing 'loadBalancers' element", ""), ("the job is not a JSON object: half", nil), ("no path at all", nil), (": odd", nil),
    ])
    func theFieldAtFaultIsAPointer(sentence: String, pointer: String?) { #expect(jsonPointer(of: sentence) == pointer) }

    @Test func aJobIsSubmittedInTheNameOfItsClientAndItsReplyIsTheAnswer() throws {
        let response = try api.ask("POST", "/v1/jobs", "shop", as: "operator")
        #expect(response.status == 200 && response.body == "PASS")
        #expect(response.headers["content-type"] == "application/json")
        #expect(api.core.submitted.all.map(\.origin) == [Origin(.jobs, name: "api:operator-name")])
        #expect(api.core.submitted.all.map(\.request.loadBalancers) == [["shop"]])
    }

    @Test func aJobThatIsNotUnderstoodIsNotSubmitted() throws {
        #expect(try api.ask("POST", "/v1/jobs", "nonsense").body == "hpcs_action: is missing; it says what to do")
        let plan = try api.ask("POST", "/v1/plan", "nonsense")
        #expect(plan.status == 400 && plan.body.contains("hpcs_action: is missing"))
        #expect(api.core.submitted.all.isEmpty)
    }

    @Test func aPlanIsADryRunWhateverTheJobSays() throws {
        api.core.answer(.planned(["remove shop", "say \"bye\""]))
        #expect(try api.ask("POST", "/v1/plan", "shop", as: "viewer").body == "{\"plan\": [\"remove shop\", \"say \\\"bye\\\"\"]}\n")
        #expect(api.core.submitted.all.map(\.request.isDryRun) == [true])
        let stats = try api.ask("POST", "/v1/plan", "stats")
        #expect(stats.status == 400 && stats.body.contains("changes nothing"))
    }

    @Test func aLoadBalancerIsShownAsAJobHasItWithItsStateAndRevision() throws {
        api.core.hold([
            item("a \"b\"", NodeStatus(id: "n", isUp: false, reason: "connect: refused", since: Timestamp(microseconds: 1_500_000)))
        ])
        let response = try api.ask("GET", "/v1/load-balancers/a%20%22b%22", as: "viewer")
        #expect(response.status == 200)
        #expect(response.headers["etag"] == "\"7\"")
        let node =
            #"{"id":"n","address":"10.0.0.1","port":80,"weight":1,"condition":"ENABLED","weight_now":0,"connections":3,"status":"DOWN","state":"DOWN","reason":"connect: refused","since":"1970-01-01T00:00:01.500Z"}"#
        let text =
            #"{"id":"a \"b\"","protocol":"TCP","port":80,"nodes":[\#(node)],"status":"DOWN","source":"jobs","created":"1970-01-01T00:00:00.000Z"}"#
        #expect(response.body == text + "\n")
        let list = try api.ask("GET", "/v1/load-balancers", as: "viewer")
        #expect(list.body == "{\"revision\": 7, \"loadBalancers\": [\(text)]}\n" && list.headers["etag"] == "\"7\"")
        #expect(try api.ask("GET", "/v1/load-balancers/c").status == 404)
    }

    @Test func aLoadBalancerThatIsReadAgainIsToldAgainUntilSomethingChanges() throws {
        let (up, down) = (item("a", NodeStatus(id: "n", isUp: true)), item("a", NodeStatus(id: "n", isUp: false)))
        api.core.hold([up], for: .seconds(3600))
        let client = try HTTPTestClient(api.port)
        func read(_ method: String = "GET", _ field: String = "", as role: String = "viewer") throws -> HTTPTestClient.Response {
            try client.ask(
                "\(method) /v1/load-balancers/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(role)\r\n\(field)\r\n")
        }
        let first = try read()
        #expect(first.status == 200 && first.headers["etag"] == "\"7\"" && first.body.contains("\"status\":\"UP\""))
        for role in ["viewer", "operator", "admin"] {
            let again = try read(as: role)
            #expect(again.body == first.body && again.headers["etag"] == "\"7\"")
        }
        #expect(try read("GET", "If-None-Match: \"7\"\r\n").status == 304)
        #expect(try read("GET", "If-None-Match: \"6\"\r\n").body == first.body)
        #expect(try read("HEAD").headers["content-length"] == String(first.body.utf8.count))
        #expect(api.core.reported.all.count == 1)
        #expect(try read(as: "nobody").status == 401)
        api.core.hold([down], for: .zero)
        #expect(try read().body.contains("\"status\":\"DOWN\""))
        // What does not hold is asked after each time.
        #expect(try read().body.contains("\"status\":\"DOWN\""))
        #expect(api.core.reported.all.count == 3)
        api.core.hold([StateReport.Item]())
        #expect(try read().status == 404)
    }

    @Test func anExplanationIsAChainOfStepsWithTimes() throws {
        let step =
            #"{"step": "job", "time": "1970-01-01T00:00:00.000Z", "what": "CREATE a by api:ann", "details": [{"time": null, "what": "refused \"since\""}]}"#
        let rest = #""summary": "it is up", "why": [\#(step)], "differs": ["weight 1 → 2"]}"# + "\n"
        let loadBalancer = try api.ask("GET", "/v1/why/a", as: "viewer")
        #expect(loadBalancer.status == 200 && loadBalancer.headers["etag"] == "\"7\"")
        #expect(loadBalancer.body == "{\"id\": \"a\", \(rest)")
        #expect(try api.ask("GET", "/v1/why/a/n", as: "viewer").body == "{\"id\": \"a\", \"node\": \"n\", \(rest)")
        #expect(try api.ask("GET", "/v1/why/a/none").status == 404)
        #expect(try api.ask("GET", "/v1/why/a?x=1").status == 400)
        #expect(try api.ask("GET", "/v1/why/a", as: nil).status == 401)
    }

    @Test func theJournalIsReadFromARevisionOn() throws {
        let response = try api.ask("GET", "/v1/journal?after=41&limit=1", as: "viewer")
        #expect(response.status == 200)
        #expect(
            response.body
                == #"{"journal": [{"revision": 42, "time": "1970-01-01T00:00:01.000Z", "source": "jobs", "origin": "api:ann", "what": "CREATE \"a\"", "outcome": "PASS"}]}"#
                + "\n")
        #expect(try api.ask("GET", "/v1/journal?after=13").status == 503)
    }

    @Test(arguments: [
        "after=x", "after=-1", "after=99999999999999999999", "limit=0", "limit=1001", "limit=+5", "limit=", "until=3", "after=1&after=2",
    ])
    func aWrongParameterIsRefused(query: String) throws {
        let response = try api.ask("GET", "/v1/journal?\(query)")
        #expect(response.status == 400 && response.headers["content-type"] == "application/problem+json")
    }

    @Test(arguments: [([Bool](), 200), ([true, false], 200), ([false, false], 503)])
    func aWorkerIsReadyWhereOneOfItsJobServersIsConnectedOrItHasNone(servers: [Bool], status: Int) throws {
        let api = try TestAPI(servers: servers)
        let response = try api.ask("GET", "/readyz", as: nil)
        #expect(response.status == status)
        #expect(response.body.contains("none of the 2 job servers") == (status == 503))
        #expect(try api.ask("GET", "/healthz", as: nil).status == 200)
    }

    @Test func theStatusTellsOfTheWorkerItsJobServersAndTheState() throws {
        let api = try TestAPI(servers: [true])
        let response = try api.ask("GET", "/v1/status")
        #expect(
            response.body
                == #"{"version": "1.2", "driver": "dummy", "function": "lb", "started": "1970-01-01T00:00:00.000Z", "job_servers": [{"server": "gearman0:4730", "connected": true}], "revision": 7, "load_balancers": 0, "last_change": null, "principal": "admin-name", "role": "admin"}"#
                + "\n")
    }
}
