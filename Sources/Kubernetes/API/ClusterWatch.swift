import HTTPClient
import HostSystem
import JSON

/// Watches the objects of a cluster at its API server, on one thread.
package enum ClusterWatch {
    /// Starts to watch services, endpoint slices, the node and the ranges of services.
    ///
    /// - Parameters:
    ///   - proxyName: the label `service.kubernetes.io/service-proxy-name` of services that are wanted; empty for those without it.
    ///   - nodeName: the node that is wanted; empty for all of them.
    ///   - largestAnswer: the largest page of a list, and the largest line of a watch, in bytes.
    ///   - receive: is called by the thread, with the changes that came at one time together.
    /// - Throws: `exhausted`.
    package static func start(
        _ server: APIServer, proxyName: String = "", nodeName: String, limits: ListWatch.Limits = ListWatch.Limits(),
        largestAnswer: Int = 128 << 20, _ receive: @escaping @Sendable (ClusterUpdate) -> Void
    ) throws(KubernetesError) -> ClusterSource {
        guard let group = HTTPTransferGroup() else { throw KubernetesError(.exhausted, "there is no memory for connections") }
        return try ClusterSource(wake: group.wake) { control in
            do throws(KubernetesError) {
                let batch = UpdateBatch(receive)
                guard let tokenizer = JSONTokenizer() else { throw KubernetesError(.exhausted, "there is no memory for a reader of JSON") }
                var resources: [ResourceWatch] = []
                for kind in ObjectKind.allCases {
                    let request = ResourceRequest(kind, proxyName: proxyName, nodeName: nodeName)
                    resources.append(
                        try ResourceWatch(kind, server, request, limits: limits, largestAnswer, in: group, tokenizer) { batch.add($0) })
                }
                run(resources, group, batch, control)
            } catch {
                receive(.trouble(about: "the API server", "\(error)"))
            }
        }
    }

    private static func run(
        _ resources: [ResourceWatch], _ group: HTTPTransferGroup, _ batch: UpdateBatch, _ control: ClusterSource.Control
    ) {
        for resource in resources { resource.start() }
        while !control.isCancelled {
            let ended = group.advance()
            for resource in resources {
                if let end = ended.first(where: { $0.transfer === resource.transfer }) {
                    resource.end(end.code)
                } else {
                    resource.read()
                }
                resource.checkTime()
            }
            batch.send()
            // A request that was begun just now has work to do at once, which the wait sees.
            let next = resources.compactMap(\.deadline).min() ?? Clock.bootTime() + .seconds(60)
            group.wait(until: Deadline(in: max(.zero, next - Clock.bootTime())))
        }
        for resource in resources { resource.stop() }
    }
}

/// What is told together: changes that came at one time are one update.
private final class UpdateBatch {
    private let receive: (ClusterUpdate) -> Void
    private var changes: [ObjectChange] = []

    init(_ receive: @escaping (ClusterUpdate) -> Void) { self.receive = receive }

    func add(_ update: ClusterUpdate) {
        switch update {
        case .changes(let more): changes += more
        case .trouble:
            send()
            receive(update)
        }
    }

    func send() {
        if changes.isEmpty { return }
        let all = changes
        changes = []
        receive(.changes(all))
    }
}
