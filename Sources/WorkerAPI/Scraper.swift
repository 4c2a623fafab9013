import Dispatch
import HTTPServer
import LBaaS
import Metrics
import Requests
import Synchronization
import WorkerMetrics

/// Answers GET /metrics. It has a queue of its own, for the text can be large; requests that come while it is written share the next one.
final class Scraper: Sendable {
    private struct State {
        var waiting: [HTTPReply] = []
        var isBusy = false
    }

    private let core: any RequestHandler
    private let worker: WorkerDescription
    private let metrics: WorkerMetrics
    private let queue = DispatchQueue(label: "metrics", qos: .utility)
    private let state = Mutex(State())

    init(core: any RequestHandler, worker: WorkerDescription, metrics: WorkerMetrics) {
        (self.core, self.worker, self.metrics) = (core, worker, metrics)
    }

    func answer(_ request: HTTPRequest, _ reply: HTTPReply) {
        let isFirst = state.withLock { state in
            state.waiting.append(reply)
            defer { state.isBusy = true }
            return !state.isBusy
        }
        if isFirst { begin() }
    }

    private func begin() {
        core.report(on: .all) { [self] result in queue.async { self.finish(result) } }
    }

    private func finish(_ result: Result<StateReport, Refusal>) {
        // Whoever comes from now on wants what is so from now on.
        let replies = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        let report = try? result.get()
        let items = report?.items
        let ids = items?.map(\.entry.loadBalancer.id) ?? []
        let text = metrics.text(
            Scrape(
                revision: report?.revision ?? core.summary.revision, items: items, traffic: ids.isEmpty ? [:] : worker.traffic(ids),
                connections: ids.isEmpty || !metrics.hasNodes ? [:] : worker.connections(ids)))
        for reply in replies { reply.send(HTTPResponse(type: MetricsText.type, text)) }
        let isMore = state.withLock { state in
            state.isBusy = !state.waiting.isEmpty
            return state.isBusy
        }
        if isMore { begin() }
    }
}
