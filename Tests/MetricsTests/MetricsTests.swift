import Foundation
import HTTPServer
import Metrics
import TestSupport
import Testing

extension MetricsRegistry {
    fileprivate func counters(_ name: String, help: String, labels: [String]) -> MetricFamily<Counter> {
        counters(MetricDescription(name, .counter, labels: labels, help: help))
    }

    fileprivate func counter(_ name: String, help: String) -> Counter { counters(name, help: help, labels: []).with() }

    fileprivate func gauges(_ name: String, help: String, labels: [String]) -> MetricFamily<Gauge> {
        gauges(MetricDescription(name, .gauge, labels: labels, help: help))
    }

    fileprivate func gauge(_ name: String, help: String) -> Gauge { gauges(name, help: help, labels: []).with() }

    fileprivate func histograms(
        _ name: String, help: String, labels: [String], _ unit: Histogram.Unit = .seconds, bounds: [Double] = Histogram.durations
    ) -> MetricFamily<Histogram> {
        histograms(MetricDescription(name, .histogram, labels: labels, help: help), unit, bounds: bounds)
    }

    fileprivate func histogram(
        _ name: String, help: String, _ unit: Histogram.Unit = .seconds, bounds: [Double] = Histogram.durations
    ) -> Histogram { histograms(name, help: help, labels: [], unit, bounds: bounds).with() }
}

extension MetricsText {
    fileprivate mutating func family(_ name: String, _ kind: MetricDescription.Kind, help: String) {
        family(MetricDescription(name, kind, help: help))
    }
}

@Suite("Metrics")
struct MetricsTests {
    private let registry = MetricsRegistry()

    private var text: String { String(decoding: registry.write().joined(), as: UTF8.self) }

    @Test("are written in the text format, families in the order in which they were added")
    func format() {
        let jobs = registry.counters("lbaas_jobs_total", help: "Jobs by action and result.", labels: ["action", "result"])
        jobs.with("CREATE", "ok").add()
        jobs.with("DELETE", "failed").add(41)
        jobs.with("CREATE", "ok").add()
        registry.gauge("lbaas_ratio", help: "A ratio.").set(0.25)
        _ = registry.gauges("lbaas_unused", help: "Without samples.", labels: ["x"])
        #expect(
            text == """
                # HELP lbaas_jobs_total Jobs by action and result.
                # TYPE lbaas_jobs_total counter
                lbaas_jobs_total{action="CREATE",result="ok"} 2
                lbaas_jobs_total{action="DELETE",result="failed"} 41
                # HELP lbaas_ratio A ratio.
                # TYPE lbaas_ratio gauge
                lbaas_ratio 0.25

                """)
        #expect(text == text)
    }

    @Test("count observations in buckets up to and with their bounds")
    func histogram() {
        let durations = registry.histogram("lbaas_job_duration_seconds", help: "Time of a job.", bounds: [0.001, 0.5, 2])
        for duration: Duration in [.milliseconds(1), .nanoseconds(1_000_001), .seconds(2), .seconds(3), .zero, .seconds(-1)] {
            durations.observe(duration)
        }
        registry.histograms("lbaas_commit_jobs", help: "Jobs of a commit.", labels: ["kind"], .plain, bounds: [1, 10]).with("all").observe(
            7)
        #expect(durations.count == 6)
        #expect(
            text == """
                # HELP lbaas_job_duration_seconds Time of a job.
                # TYPE lbaas_job_duration_seconds histogram
                lbaas_job_duration_seconds_bucket{le="0.001"} 3
                lbaas_job_duration_seconds_bucket{le="0.5"} 4
                lbaas_job_duration_seconds_bucket{le="2"} 5
                lbaas_job_duration_seconds_bucket{le="+Inf"} 6
                lbaas_job_duration_seconds_sum 5.002000001
                lbaas_job_duration_seconds_count 6
                # HELP lbaas_commit_jobs Jobs of a commit.
                # TYPE lbaas_commit_jobs histogram
                lbaas_commit_jobs_bucket{kind="all",le="1"} 0
                lbaas_commit_jobs_bucket{kind="all",le="10"} 1
                lbaas_commit_jobs_bucket{kind="all",le="+Inf"} 1
                lbaas_commit_jobs_sum{kind="all"} 7
                lbaas_commit_jobs_count{kind="all"} 1

                """)
    }

    @Test("escape what is in labels and help")
    func escaping() {
        registry.gauges("a", help: "one \\ two \n \"three\"", labels: ["l"]).with("one \\ two \n \"three\" é").set(1)
        registry.collect { text in
            text.family("b", .gauge, help: "")
            text.sample(-3, ["x": "\"", "y": ""])
            text.sample(1.5e300)
            text.sample(.infinity, ["x": "i"])
            text.sample(-.infinity, ["x": "j"])
            text.sample(.nan, ["x": "k"])
            text.sample(-0.5, ["x": "l"])
        }
        #expect(
            text == """
                # HELP a one \\\\ two \\n "three"
                # TYPE a gauge
                a{l="one \\\\ two \\n \\"three\\" é"} 1
                # HELP b\u{20}
                # TYPE b gauge
                b{x="\\"",y=""} -3
                b 1.5e+300
                b{x="i"} +Inf
                b{x="j"} -Inf
                b{x="k"} NaN
                b{x="l"} -0.5

                """)
    }

    @Test("lose nothing where many threads measure at once, and are read meanwhile")
    func threads() async throws {
        let counter = registry.counter("c_total", help: "Count.")
        let gauge = registry.gauge("g", help: "Gauge.")
        let histogram = registry.histogram("h", help: "Histogram.", .plain, bounds: [10, 100])
        let family = registry.counters("f_total", help: "Family.", labels: ["l"])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for number in 0..<5000 {
                        counter.add()
                        gauge.add(1)
                        histogram.observe(UInt64(number % 200))
                        family.with("\(number % 7)").add()
                    }
                }
            }
            group.addTask {
                for _ in 0..<50 { #expect(text.hasPrefix("# HELP c_total Count.\n")) }
            }
        }
        #expect(counter.value == 20_000)
        #expect(gauge.value == 20_000)
        #expect(histogram.count == 20_000)
        #expect((0..<7).reduce(0) { $0 + family.with("\($1)").value } == 20_000)
        #expect(text.contains("h_bucket{le=\"10\"} 1100\nh_bucket{le=\"100\"} 10100\nh_bucket{le=\"+Inf\"} 20000\nh_sum 1990000\n"))
    }

    @Test("of the process are those of the system")
    func process() throws {
        registry.collectProcess()
        let lines = Dictionary(
            uniqueKeysWithValues: text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
                let parts = $0.split(separator: " ")
                return (String(parts[0]), Double(parts[1]) ?? -1)
            })
        #expect(
            Set(lines.keys) == [
                "process_cpu_seconds_total", "process_virtual_memory_bytes", "process_resident_memory_bytes", "process_start_time_seconds",
                "process_open_fds", "process_max_fds",
            ])
        let now = Date().timeIntervalSince1970
        let start = try #require(lines["process_start_time_seconds"])
        #expect(start > now - 86_400 && start < now + 1)
        let resident = try #require(lines["process_resident_memory_bytes"])
        #expect(resident > 1_048_576 && resident < lines["process_virtual_memory_bytes"] ?? 0)
        #expect(lines["process_open_fds"] ?? 0 > 2)
        #expect(lines["process_max_fds"] ?? 0 > lines["process_open_fds"] ?? 0)
    }

    @Test("of all kinds pass Prometheus's own check, as they come over HTTP")
    func promtool() throws {
        registry.counters("lbaas_jobs_total", help: "Jobs by action.", labels: ["action"]).with("a \"b\" \\ \n c").add()
        registry.gauge("lbaas_nodes", help: "Nodes \\ and\nlines.").set(-1.5)
        registry.histograms("lbaas_job_duration_seconds", help: "Time of a job.", labels: ["action"]).with("CREATE").observe(
            .milliseconds(3))
        registry.collect { text in
            text.family("lbaas_node_up", .gauge, help: "Whether a node is up.")
            for node in 0..<1000 { text.sample(node % 2, ["load_balancer": "lb", "node": "\(node)"]) }
        }
        registry.collectProcess()
        var routes = HTTPRoutes()
        let registry = registry
        routes.add(.get, "/metrics") { _ in HTTPResponse(type: MetricsText.type, registry.write()) }
        let server = HTTPServer(routes: routes)
        defer { server.finish(within: .zero) }
        let port = try server.listen(on: TCPListener(address: "127.0.0.1", port: 0))
        let text = try runProgram("/usr/bin/curl", ["-sS", "http://127.0.0.1:\(port)/metrics"])
        #expect(text.split(separator: "\n").count > 1000)
        #expect(try runProgram("/usr/bin/promtool", ["check", "metrics"], input: text) == "")
        // The check finds what is wrong.
        #expect(throws: (any Error).self) { try runProgram("/usr/bin/promtool", ["check", "metrics"], input: "# TYPE a counter\na 1\n") }
    }
}
