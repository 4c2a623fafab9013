/// A packet as it is on the wire, put together and taken apart with nothing of what is tested.
struct WirePacket: Equatable, CustomStringConvertible {
    /// What a packet to a job server begins with, and one from it.
    static let toServer: [UInt8] = [0, 0x52, 0x45, 0x51]
    static let fromServer: [UInt8] = [0, 0x52, 0x45, 0x53]

    let type: UInt32
    var arguments: [UInt8] = []

    static func canDo(_ function: String) -> WirePacket { WirePacket(type: 1, arguments: Array(function.utf8)) }
    static let preSleep = WirePacket(type: 4)
    static let noop = WirePacket(type: 6)
    static let grabJob = WirePacket(type: 9)
    static let noJob = WirePacket(type: 10)
    static func complete(_ handle: String, _ reply: [UInt8]) -> WirePacket {
        WirePacket(type: 13, arguments: Array(handle.utf8) + [0] + reply)
    }
    static func complete(_ handle: String, _ reply: String) -> WirePacket { complete(handle, Array(reply.utf8)) }
    static func assign(_ handle: String, _ workload: [UInt8]) -> WirePacket {
        WirePacket(type: 11, arguments: Array("\(handle)\0f\0".utf8) + workload)
    }
    static func assign(_ handle: String, _ workload: String) -> WirePacket { assign(handle, Array(workload.utf8)) }

    /// Its bytes.
    func bytes(_ magic: [UInt8] = fromServer) -> [UInt8] {
        magic + Self.bytes(type) + Self.bytes(UInt32(arguments.count)) + arguments
    }

    /// Takes a packet to a job server from the beginning of these bytes; nil where it is not all there, or is none.
    init?(removedFrom bytes: inout ArraySlice<UInt8>) {
        guard bytes.count >= 12, bytes.starts(with: Self.toServer) else { return nil }
        let numbers = [4, 8].map { offset in bytes.dropFirst(offset).prefix(4).reduce(UInt32(0)) { $0 << 8 + UInt32($1) } }
        guard bytes.count >= 12 + Int(numbers[1]) else { return nil }
        self.init(type: numbers[0], arguments: Array(bytes.dropFirst(12).prefix(Int(numbers[1]))))
        bytes = bytes.dropFirst(12 + arguments.count)
    }

    init(type: UInt32, arguments: [UInt8] = []) {
        self.type = type
        self.arguments = arguments
    }

    var description: String { "packet \(type) \(String(decoding: arguments.prefix(80), as: UTF8.self).debugDescription)" }

    /// A number as a header has it.
    static func bytes(_ number: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(number >> $0 & 0xFF) } }
}
