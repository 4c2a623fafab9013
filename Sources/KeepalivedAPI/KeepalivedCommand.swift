import JSON
import LBaaS
import Requests

/// What a request asks for.
enum KeepalivedCommand: Sendable {
    case getInfo
    case addService(ServiceName, ServiceSettings)
    case removeService(ServiceName)
    case changeService(ServiceName, ServiceSettings)
    case addReal(RealServerName, ServiceName, weight: UInt16?, ServiceSettings)
    case removeReal(RealServerName, ServiceName)
    case changeReal(RealServerName, ServiceName, weight: UInt16?, ServiceSettings)

    case routes(RouteChange)
    case addPeer(IPAddress)
    case removePeer(IPAddress)

    /// The names of the commands.
    enum Name: String, CaseIterable {
        case getInfo = "GetInfo"
        case addService = "AddService"
        case removeService = "RemoveService"
        case changeService = "ChangeService"
        case addReal = "AddReal"
        case removeReal = "RemoveReal"
        case changeReal = "ChangeReal"
        case addPeer = "AddPeer"
        case removePeer = "RemovePeer"
        case stopNotification = "StopNotification"
        case startNotification = "StartNotification"
        case stopAllNotification = "StopAllNotification"
        case startAllNotification = "StartAllNotification"
    }

    /// Reads the command of a message.
    init(_ message: KeepalivedMessage) throws(Refusal) {
        let text = try message.required(.command, "what to do")
        guard let name = Name(rawValue: text) else {
            throw Refusal(
                .invalid, "Command: '\(text.shortened)' is none of \(Name.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        try message.checkFields()
        switch name {
        case .getInfo: self = .getInfo
        case .addService: self = .addService(try ServiceName(message), try ServiceSettings(message))
        case .removeService: self = .removeService(try ServiceName(message))
        case .changeService: self = .changeService(try ServiceName(message), try ServiceSettings(message))
        case .addReal:
            let real = try RealServerName(message)
            self = .addReal(real, try ServiceName(message), weight: try message.weight, try ServiceSettings(message, of: real.endpoint))
        case .removeReal: self = .removeReal(try RealServerName(message), try ServiceName(message))
        case .changeReal:
            let real = try RealServerName(message)
            self = .changeReal(real, try ServiceName(message), weight: try message.weight, try ServiceSettings(message, of: real.endpoint))
        case .addPeer: self = .addPeer(try message.address(.address))
        case .removePeer: self = .removePeer(try message.address(.address))
        case .stopNotification: self = .routes(.stop(try message.address(.vip)))
        case .startNotification: self = .routes(.start(try message.address(.vip)))
        case .stopAllNotification: self = .routes(.stopAll)
        case .startAllNotification: self = .routes(.startAll)
        }
    }

    /// What was done, for who asked for it.
    var success: String {
        switch self {
        case .getInfo, .addPeer, .removePeer: ""
        case .routes(.stop(let address)): "no route to \(address) is told"
        case .routes(.start(let address)): "routes to \(address) are told"
        case .routes(.stopAll): "no route is told"
        case .routes(.startAll): "all routes are told"
        case .addService(let service, _): "the service \(service.id) was added"
        case .removeService(let service): "the service \(service.id) was removed"
        case .changeService(let service, _): "the service \(service.id) was changed"
        case .addReal(let real, let service, _, _): "the real server \(real.id) was added to the service \(service.id)"
        case .removeReal(let real, let service): "the real server \(real.id) was removed from the service \(service.id)"
        case .changeReal(let real, let service, _, _): "the real server \(real.id) of the service \(service.id) was changed"
        }
    }
}

extension KeepalivedMessage {
    /// The weight of a real server; nil where it is absent.
    fileprivate var weight: UInt16? {
        get throws(Refusal) {
            try optionalNumber(.weight, "a weight", 0...Int(Node.maximumWeight)).map { UInt16($0) }
        }
    }
}
