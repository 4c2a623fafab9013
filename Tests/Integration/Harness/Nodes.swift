import LBaaS
import TestSupport
import WorkerHarness

/// A real server on loopback that takes connections on this port; on a free one where that is 0.
func nodeServer(port: UInt16 = 0) throws -> Socket {
    let loopback = IPAddress.v4(0x7F00_0001)
    let socket = try Socket(.tcp, for: loopback)
    try socket.bind(to: loopback, port: port)
    try socket.listen()
    return socket
}

/// A load balancer of a job whose nodes are on these ports of loopback, checked each second.
func checkedBalancer(_ id: String, port: Int, nodes: [UInt16], more: [String: JSON] = [:]) -> JSON {
    var loadBalancer: JSON = ["id": .string(id), "protocol": "TCP", "port": .number(Double(port))]
    loadBalancer["nodes"] = .array(
        nodes.enumerated().map { ["id": "n\($0)", "address": "127.0.0.1", "port": .number(Double($1)), "weight": 1] })
    loadBalancer["monitor"] = ["type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1]
    for (name, value) in more { loadBalancer[name] = value }
    return loadBalancer
}
