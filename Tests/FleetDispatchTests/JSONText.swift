import FleetModel
import JSON

/// A record of the store as text.
struct JSONText {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func read<Record>(_ body: (JSONValue) -> Record?) -> Record? { RecordReader()?.read(bytes, body) }
}
