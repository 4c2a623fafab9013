import Synchronization

/// Which endpoint is asked: one for all requests, until it fails.
final class Rotation: Sendable {
    private let endpoints: [EtcdEndpoint]
    private let place = Atomic<Int>(0)

    init(_ endpoints: [EtcdEndpoint]) { self.endpoints = endpoints }

    /// The endpoint to ask.
    var current: EtcdEndpoint { endpoints[place.load(ordering: .relaxed) % endpoints.count] }

    /// Goes to the next endpoint, unless another thread already left this one.
    func leave(_ endpoint: EtcdEndpoint) {
        let now = place.load(ordering: .relaxed)
        if endpoints[now % endpoints.count] == endpoint {
            _ = place.compareExchange(expected: now, desired: (now + 1) % endpoints.count, ordering: .relaxed)
        }
    }
}
