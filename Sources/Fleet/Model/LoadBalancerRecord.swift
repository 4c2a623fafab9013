package import JSON
package import LBaaS

/// A load balancer of Octavia: a virtual IP on a group of workers.
///
/// Its record is written with each change of anything below it, so that no two changes are carried out at a time.
package struct LoadBalancerRecord: ObjectRecord, Hashable {
    /// What all objects have.
    package var head: ObjectHead
    /// The group of workers.
    package let group: String
    /// The virtual IP.
    package let address: IPAddress
    /// The name of the provider that the client asked for.
    package var provider: String
    /// The place, in the group, of the worker that is to have the address.
    package var preferredWorker: Int
    /// Whether that worker takes the address back: so after a failover that somebody asked for.
    package var takesBack = false
    /// The port of Neutron that the client named; nil for none.
    package var port: String?

    /// A new load balancer.
    package init(_ head: ObjectHead, group: String, address: IPAddress, provider: String, preferredWorker: Int) {
        (self.head, self.group, self.address, self.provider) = (head, group, address, provider)
        self.preferredWorker = preferredWorker
    }

    /// The record as the store has it.
    package var json: [UInt8] {
        ObjectWriter.object { writer in
            head.write(to: &writer)
            writer.text("group", group)
            writer.text("address", address.description)
            writer.text("provider", provider)
            writer.number("preferred", preferredWorker)
            if takesBack { writer.flag("takes_back", true) }
            writer.optional("port", port)
        }
    }

    /// Reads a record; nil where it is none.
    package init?(_ object: JSONValue) {
        guard let head = ObjectHead(object), let group = object.text("group"), let address = object.text("address").flatMap(IPAddress.init)
        else { return nil }
        self.init(
            head, group: group, address: address, provider: object.text("provider") ?? "",
            preferredWorker: object.number("preferred") ?? 0)
        takesBack = object.flag("takes_back")
        port = object.text("port")
    }
}

/// A listener of Octavia: a port of a load balancer.
package struct ListenerRecord: ObjectRecord, Hashable {
    /// What all objects have.
    package var head: ObjectHead
    /// The id of its load balancer.
    package let loadBalancer: String
    /// The protocol.
    package let serviceProtocol: ServiceProtocol
    /// The port.
    package let port: UInt16
    /// The id of the pool that its connections go to; nil for none.
    package var defaultPool: String?
    /// Milliseconds: how long a client and a member may be silent, and how long connecting takes.
    package var clientTimeout = 50_000
    package var memberTimeout = 50_000
    package var connectTimeout = 5_000
    /// Whether the client asked for the header `X-Forwarded-For`.
    package var insertsForwardedFor = false

    /// A new listener.
    package init(_ head: ObjectHead, loadBalancer: String, serviceProtocol: ServiceProtocol, port: UInt16) {
        (self.head, self.loadBalancer, self.serviceProtocol, self.port) = (head, loadBalancer, serviceProtocol, port)
    }

    /// The record as the store has it.
    package var json: [UInt8] {
        ObjectWriter.object { writer in
            head.write(to: &writer)
            writer.text("load_balancer", loadBalancer)
            writer.text("protocol", serviceProtocol.rawValue)
            writer.number("port", Int(port))
            writer.optional("pool", defaultPool)
            writer.number("client_timeout", clientTimeout)
            writer.number("member_timeout", memberTimeout)
            writer.number("connect_timeout", connectTimeout)
            if insertsForwardedFor { writer.flag("forwarded_for", true) }
        }
    }

    /// Reads a record; nil where it is none.
    package init?(_ object: JSONValue) {
        guard let head = ObjectHead(object), let loadBalancer = object.text("load_balancer"),
            let serviceProtocol = object.text("protocol").flatMap(ServiceProtocol.init),
            let port = object.number("port").flatMap(UInt16.init(exactly:))
        else { return nil }
        self.init(head, loadBalancer: loadBalancer, serviceProtocol: serviceProtocol, port: port)
        defaultPool = object.text("pool")
        clientTimeout = object.number("client_timeout") ?? clientTimeout
        memberTimeout = object.number("member_timeout") ?? memberTimeout
        connectTimeout = object.number("connect_timeout") ?? connectTimeout
        insertsForwardedFor = object.flag("forwarded_for")
    }
}
