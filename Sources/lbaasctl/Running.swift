import Arguments
import Glibc
import JSON
import Terminal

/// Does what a command line says, whose first word is the name of the program.
func run(_ arguments: [String]) -> ExitStatus {
    do throws(CommandFailure) {
        let request: CommandRequest<Verb>
        do throws(CommandLineFault) {
            request = try commandTable.read(arguments)
        } catch {
            throw CommandFailure(.usage, error.sentence)
        }
        switch request {
        case .help(let text): try write(text + "\n")
        case .version: try write("\(commandTable.program) \(version)\n")
        case .call(let call): return try run(call) { name in unsafe getenv(name).map { unsafe String(cString: $0) } }
        }
        return .done
    } catch {
        StandardOutput.note(commandTable.program, error.sentence)
        return error.status
    }
}

private func run(_ call: CommandCall<Verb>, environment: (String) -> String?) throws(CommandFailure) -> ExitStatus {
    switch call.command.verb {
    case .newToken: try printNewToken(call, environment: environment)
    case .newKey: try printNewKey(call, environment: environment)
    case .completion: try write(commandTable.completion(for: Shell(rawValue: call.operands[0]) ?? .bash))
    case .importKeepalived: return try importKeepalived(call)
    case .manual: try write(commandTable.manualPage(date: "2026-11-30", version: version))
    default:
        let session = try Session(call, environment: environment)
        if let fleet = try session.fleet() {
            try run(fleet, environment: environment)
        } else {
            return try run(session)
        }
    }
    return .done
}

private func run(_ session: Session) throws(CommandFailure) -> ExitStatus {
    let (operands, isWide) = (session.call.operands, session.isWide)
    switch session.call.command.verb {
    case .status: try session.view("/v1/status") { statusView($0, $1, isWide: isWide) }
    case .list:
        try session.view("/v1/load-balancers") {
            operands.isEmpty ? listView($0, $1, isWide: isWide) : nodeListView($0, $1, isWide: isWide)
        }
    case .show: try session.view(session.path(of: Reference.id(of: operands[0]))) { loadBalancerView($0, $1, isWide: isWide) }
    case .why: try session.why(operands[0])
    case .plan: return try session.plan(operands[0])
    case .apply: try session.apply(operands[0])
    case .diff: return try session.differences()
    case .events: try session.events()
    case .metrics: try session.metrics()
    case .addressList: try session.view("/ips") { addressListView($0, $1, isWide: isWide) }
    case .addressAdd: try session.addAddress(operands[0])
    case .addressDelete: try session.deleteAddress(operands[0])
    case .addressFailover: try session.failOver(operands[0])
    default: try change(session, operands)
    }
    return .done
}

private func change(_ session: Session, _ operands: [String]) throws(CommandFailure) {
    switch session.call.command.verb {
    case .drain:
        try session.changeNode(operands[0], "{\"condition\": \"DRAINING\"}", until: "has no connection left") { node in
            node.text("state") != "UP" && node["connections"]?.integer ?? 0 == 0
        }
    case .undrain:
        try session.changeNode(operands[0], "{\"condition\": \"ENABLED\"}", until: "is up") { $0.text("state") == "UP" }
    case .weight:
        let weight = try weight(operands[1])
        try session.changeNode(operands[0], "{\"weight\": \(weight)}", until: "has the weight") {
            $0["weight"]?.integer ?? 1 == weight
        }
    case .enable: try session.set("enable", operands[0], until: "is up") { $0.text("status") == "UP" }
    case .suspend:
        try session.confirm("Suspend the load balancer \(operands[0])?")
        try session.set("suspend", operands[0], until: "is suspended") { $0.text("status") == "SUSPENDED" }
    default: try session.delete(operands[0])
    }
}

/// The weight of a word.
private func weight(_ word: String) throws(CommandFailure) -> Int {
    guard let weight = UInt16(word), weight <= 256, word.utf8.first != UInt8(ascii: "+") else {
        throw CommandFailure(.usage, "weight: '\(word)' is not a weight (0 to 256)")
    }
    return Int(weight)
}

private func run(_ fleet: Fleet, environment: (String) -> String?) throws(CommandFailure) {
    let (session, operands) = (fleet.session, fleet.session.call.operands)
    switch session.call.command.verb {
    case .login: try fleet.logIn(operands.first ?? environment("USER") ?? "", environment)
    case .logout: try fleet.logOut(environment)
    case .userList: try session.view("/v1/users") { userListView($0, $1, isWide: session.isWide) }
    case .userAdd: try fleet.addUser(operands[0])
    case .userPassword: try fleet.setPassword(operands.first)
    case .userDelete: try fleet.deleteUser(operands[0])
    case .tokenList:
        try session.view("/v1/tokens" + (session.call.has("all") ? "?all=true" : "")) { tokenListView($0, $1, isWide: session.isWide) }
    case .tokenCreate: try fleet.createToken(operands[0])
    case .tokenRevoke: try fleet.revokeToken(operands[0])
    case .hosts: try session.view("/v1/hosts") { hostListView($0, $1, isWide: session.isWide) }
    case .status: try session.view { () throws(CommandFailure) in try fleet.status() }
    case .list: try session.view { () throws(CommandFailure) in operands.isEmpty ? try fleet.list() : try fleet.listNodes() }
    case .show: try session.view { () throws(CommandFailure) in try fleet.show(operands[0]) }
    case .drain: try fleet.setWeight(0, of: operands[0])
    case .undrain: try fleet.setWeight(1, of: operands[0])
    case .weight: try fleet.setWeight(try weight(operands[1]), of: operands[0])
    case .enable: try fleet.set(isUp: true, operands[0])
    case .suspend: try fleet.set(isUp: false, operands[0])
    case .delete: try fleet.delete(operands[0])
    case .events: try session.events()
    case .metrics: try session.metrics()
    default:
        throw CommandFailure(
            .usage,
            "\(session.call.command.name): asks a worker, and \(session.client.server.name) is the server of a fleet: give --socket, or --server with the address of a worker"
        )
    }
}
