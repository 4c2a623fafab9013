public import LBaaS

extension ServiceEvent {
    /// An event of the service of a load balancer on an address, which is nil for every address of the host.
    public static func of(
        _ kind: Kind, _ address: String?, id: String = "a", port: UInt16 = 80, reason: String? = nil, quorum: UInt32? = nil
    ) -> ServiceEvent {
        let listener = Listener(address: address.flatMap { IPAddress($0) }, port: port, transport: .tcp)
        let service = Service(loadBalancer: LoadBalancerID(id), listener: listener)
        return ServiceEvent(
            kind, service, reason: reason, weight: kind == .up ? 2 : 0, quorum: quorum, time: Timestamp(microseconds: 1_763_685_828_123_456)
        )
    }
}
