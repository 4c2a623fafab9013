import Kubernetes
import LBaaS

/// A manifest, in JSON or YAML: what is read comes to virtual services, and what is kept of it over a restart comes to the same ones.
func fuzzManifest(_ input: [UInt8]) {
    do throws(KubernetesError) {
        let table = try cluster(ManifestText.changes(input))
        var again = emptyTable
        var reader = try ManifestText.Reader()
        try ManifestText.write(table, inPartsOf: 1 << 12) { part throws(KubernetesError) in try reader.read(part) { again.restore($0) } }
        try reader.end()
        again.endRestoring()
        require(again.services == table.services, "other services after a restart")
        require(again.edge == table.edge, "another edge after a restart")
        for listener in table.services.keys { require(listener.address != nil && listener.port > 0, "a listener \(listener)") }
    } catch {
        require(!error.message.isEmpty, "a failure without a sentence")
    }
}

private var emptyTable: ClusterTable {
    let host = HostFacts(addresses: [.v4(0xC000_020B)], routers: [.v4(0xC000_0201)])
    return ClusterTable(options: TranslationOptions(nodeName: "n1"), host: host)
}

private func cluster(_ changes: [ObjectChange]) -> ClusterTable {
    var table = emptyTable
    _ = table.apply(changes)
    return table
}
