import LBaaS
import Requests

// Who owns the address of a load balancer that is a virtual IP, and why another host than this one does.

extension Circumstances {
    /// Who owns the address; nil where that is no virtual IP.
    var addressStep: Explanation.Step? {
        guard let virtualIP else { return nil }
        let wanted = virtualIP.virtualIP
        let source = virtualIP.section.map { "the section [\($0)] of the configuration file" } ?? "requests"
        let preemption =
            switch wanted.preemption {
            case .no: "without preemption"
            case .after(let time): "taken back after \(time.components.seconds) s"
            }
        let details = [
            "the virtual IP is of \(source): \(wanted.policyName.rawValue), priority \(wanted.priority), \(preemption)",
            virtualIP.fact?.reason.map { "the last reason: \($0)" },
        ]
        return Explanation.Step(
            .address, Explanation.Statement(virtualIP.words, at: virtualIP.fact?.since),
            details: details.compactMap(\.self).map { Explanation.Statement($0) })
    }

    /// That this host does not answer for the address, to follow what the service is; nothing where it does.
    var absenceNote: String {
        guard let virtualIP, virtualIP.fact.map({ $0.state != .activated || !$0.isBound }) ?? true else { return "" }
        return "; this host does not answer for it: \(virtualIP.words)"
    }
}

extension VirtualIPReport {
    /// Whose the address is, and why it is not this host's where it is not.
    fileprivate var words: String {
        let (address, interface) = (virtualIP.address, virtualIP.interface)
        guard let fact else { return "it is not known yet which host owns \(address)" }
        let reason = fact.reason.map { ": \($0)" } ?? ""
        switch fact.state {
        case .activated where fact.isBound: return "this host owns \(address), and \(interface) has it"
        case .activated: return "this host owns \(address), but \(interface) does not have it\(reason)"
        case .standby:
            guard let owner = fact.owner else { return "no host is known to own \(address)\(reason)" }
            return "host \(owner) owns \(address)\(reason)"
        case .failing:
            let owner = fact.owner.map { "; host \($0) owns it" } ?? ""
            return "this host must not have \(address)\(reason)\(owner)"
        case .booting: return "it is not known yet which host owns \(address)"
        }
    }
}
