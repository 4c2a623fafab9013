import FleetModel
import HTTPServer
import HostSystem
import JSON
import LBaaS
import Synchronization

/// What happens in a fleet, as server-sent events: a stream for each project that somebody follows, and one of all projects for admins. The id of
/// an event is the revision of the store.
///
/// | event | data |
/// |---|---|
/// | `change` | an object was made, changed or deleted: `kind`, `id`, `name`, `load_balancer`, `what`; `gone` where it is not there any more |
/// | `host` | a worker has settled a revision, went away or came back: `id`, `state`, `revision` |
/// | `health` | the states of nodes on a worker have changed: `host` |
/// | `lost` | anything can have changed |
final class FleetEvents: Sendable {
    /// What an event tells of an object.
    private struct Object {
        let project, name, loadBalancer: String
    }

    private struct State {
        var streams: [String: EventStream] = [:]
        /// What is deleted and still there.
        var deleted: [String: Object] = [:]
        var isStopped = false
    }

    /// The name of the stream of all projects, which no id of a project is.
    private static let everything = ""
    /// The bytes that a stream keeps for clients that come back.
    private static let capacity = 64 << 10

    private let cache: FleetCache
    private let state = Mutex(State())

    init(_ cache: FleetCache) {
        self.cache = cache
        cache.observe { [weak self] change in self?.publish(change) }
    }

    /// The events that somebody sees, from now on.
    ///
    /// - Parameter project: the id of the project; nil for all.
    /// - Returns: nil where the server stops.
    func stream(of project: String?) -> EventStream? {
        let revision = UInt64(cache.revision)
        let (stream, unused) = state.withLock { state -> (EventStream?, [EventStream]) in
            if state.isStopped { return (nil, []) }
            let name = project ?? Self.everything
            let stream = state.streams[name] ?? EventStream(capacity: Self.capacity)
            state.streams[name] = stream
            stream.follow { revision }
            // Each stream that has had a client has a thread.
            let unused = state.streams.filter { $0.value.clients == 0 && !$0.value.isFollowed }
            for name in unused.keys { state.streams[name] = nil }
            return (stream, Array(unused.values))
        }
        for stream in unused { stream.end() }
        return stream
    }

    /// Ends all streams.
    func stop() {
        let streams = state.withLock { state in
            state.isStopped = true
            return Array(state.streams.values)
        }
        for stream in streams { stream.end() }
    }

    /// Called by the thread that follows the store.
    private func publish(_ change: FleetCache.Change) {
        let followed = state.withLock { state in
            let followed = state.streams.filter { $0.value.isFollowed }
            if followed.isEmpty { state.deleted = [:] }
            return followed
        }
        if followed.isEmpty { return }
        let id = UInt64(change.revision)
        if change.isReset {
            for stream in followed.values { stream.publish(id, "lost", Array("{\"newest\": \(id)}".utf8)) }
            return
        }
        let events = describe(change)
        for (event, text, project) in events {
            for (name, stream) in followed where project == nil || name == project || name == Self.everything {
                stream.publish(id, event, Array(text.utf8))
            }
        }
    }

    /// The events of a change, with the project that each is of; nil for what all see.
    private func describe(_ change: FleetCache.Change) -> [(event: String, text: String, project: String?)] {
        cache.read { fleet in
            change.keys.compactMap { key in
                switch key {
                case .object(let kind, let id) where kind != .quota: return describe(kind, id, fleet)
                case .settled(let worker), .host(let worker):
                    return ("host", HostText.event(worker, fleet), nil)
                case .operating(let worker): return ("health", JSONWriting.object(["host": JSONWriting.string(worker)]), nil)
                default: return nil
                }
            }
        }
    }

    private func describe(_ kind: ObjectKind, _ id: String, _ fleet: FleetState) -> (event: String, text: String, project: String?)? {
        let found: (head: ObjectHead, loadBalancer: String)? =
            switch kind {
            case .loadBalancer: fleet.loadBalancers[id].map { ($0.record.head, id) }
            case .listener: fleet.listeners[id].map { ($0.record.head, $0.record.loadBalancer) }
            case .pool: fleet.pools[id].map { ($0.record.head, $0.record.loadBalancer) }
            case .quota: nil
            }
        let object = state.withLock { state -> Object? in
            guard let (head, loadBalancer) = found else { return state.deleted.removeValue(forKey: id) }
            let object = Object(project: head.project, name: head.name.isEmpty ? id : head.name, loadBalancer: loadBalancer)
            if head.change == .delete { state.deleted[id] = object }
            return object
        }
        guard let object else { return nil }
        let verb = found?.head.change.rawValue ?? "GONE"
        let text = JSONWriting.object([
            "time": JSONWriting.string(Clock.now().text), "kind": JSONWriting.string(kind.rawValue), "id": JSONWriting.string(id),
            "name": JSONWriting.string(object.name), "load_balancer": JSONWriting.string(object.loadBalancer),
            "what": JSONWriting.string("\(verb) \(kind.rawValue) \(object.name)"), "gone": "\(found == nil)",
        ])
        return ("change", text, object.project)
    }
}
