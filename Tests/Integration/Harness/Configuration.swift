/// The sections of a configuration file, by their names.
typealias Sections = [String: [String: String]]

extension Sections {
    /// The text of the file.
    var text: String {
        sorted { $0.key < $1.key }.map { name, keys in
            "[\(name)]\n" + keys.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }.joined()
        }.joined()
    }
}

/// A section `[service:NAME]` with one node, on a port of an address; nil for every address.
func service(_ address: String? = nil, port: Int = 8080, weight: Int = 1) -> [String: String] {
    let node = #"[{"id": "n", "address": "10.0.0.1", "port": 80, "weight": \#(weight)}]"#
    var section = ["protocol": "TCP", "port": "\(port)", "nodes": node]
    section["address"] = address
    return section
}
