import DaemonSupport
import HostSystem
import LBaaS
import LoadBalancerJSON

/// A section `[service:NAME]`: a load balancer that exists without a job. Its keys are the fields of a job, those of an object with a dot:
/// `monitor.type = HTTP`.
struct ServiceSection {
    /// The load balancer's identity.
    private let id: String
    private let section: Section
    private let path: String

    /// What the name of such a section begins with.
    static let prefix = "service:"

    /// The keys that such a section may have.
    static let keys = ConfiguredLoadBalancerReader.fields

    /// A section of the configuration file at this path; nil where its name is another's.
    init?(name: String, _ section: Section, path: String) {
        guard name.hasPrefix(Self.prefix), name != Self.prefix else { return nil }
        id = String(name.dropFirst(Self.prefix.count))
        self.section = section
        self.path = path
    }

    /// The load balancer.
    ///
    /// - Throws: why it is none that this driver can run, with the place in the file.
    func loadBalancer(
        _ reader: ConfiguredLoadBalancerReader, for driver: (any LoadBalancerDriver)?, named name: String, _ capabilities: Capabilities?
    ) throws(StartupFailure) -> LoadBalancer {
        let fields = section.values.sorted { $0.value.line < $1.value.line }.map { (name: $0.key, text: $0.value.text) }
        let loadBalancer: LoadBalancer
        do throws(ConfiguredLoadBalancerReader.Complaint) {
            loadBalancer = try reader.loadBalancer(id: id, fields)
        } catch {
            throw failure(error.sentence, at: error.field)
        }
        if let objection = capabilities?.objection(to: loadBalancer, driverName: name) ?? driver?.refusal(of: loadBalancer) {
            throw failure("\(objection.field): \(objection.reason)", at: String(objection.field.prefix { $0 != "[" }))
        }
        return loadBalancer
    }

    /// What is wrong with a field: with its key, with those of an object or, where there is none, with the section.
    func failure(_ sentence: String, at field: String) -> StartupFailure {
        let members = section.values.filter { $0.key.hasPrefix(field.prefix { $0 != "." } + ".") }
        let line = section.values[field]?.line ?? members.values.map(\.line).min() ?? section.line
        let hint = commentHint(section.values[field]?.text ?? "")
        return StartupFailure(.config, "\(path):\(line): [\(Self.prefix)\(id)] \(sentence)\(hint)")
    }
}

extension Settings {
    /// What jobs and services may ask for: what the driver can do and, of programs and files, what this host allows and has.
    func capabilities(of driver: any LoadBalancerDriver) -> Capabilities {
        var capabilities = driver.capabilities
        capabilities.programs = Set(checkPrograms)
        if driver.upkeep.checking == .worker { capabilities.refusalOfFile = { CertificateFiles.refusal(of: $0) } }
        return capabilities
    }

    /// The load balancers that exist without a job.
    ///
    /// - Parameter driver: runs them; nil where there is none because its own settings are wrong.
    ///
    /// - Throws: all that is wrong: sections that are none that the driver can run, and two that would listen on one place.
    func services(for driver: (any LoadBalancerDriver)?) throws(StartupFailure) -> [LoadBalancer] {
        guard let reader = ConfiguredLoadBalancerReader() else { throw StartupFailure(.osError, "out of memory") }
        let capabilities = driver.map(capabilities)
        var listeners = ListenerTable()
        var services: [LoadBalancer] = []
        var mistakes = Mistakes()
        for (name, section) in sections.sorted(by: { $0.value.line < $1.value.line }) {
            guard let service = ServiceSection(name: name, section, path: configurationFile ?? "") else { continue }
            let loadBalancer = mistakes.collect { () throws(StartupFailure) in
                try service.loadBalancer(reader, for: driver, named: self.driver, capabilities)
            }
            guard let loadBalancer else { continue }
            if let owner = listeners.claim(loadBalancer.listener, for: loadBalancer.id) {
                mistakes.add(
                    service.failure(
                        "would listen on \(loadBalancer.listener), where \(quoted(owner.text)) listens already; give it another port or address",
                        at: "port"))
            }
            services.append(loadBalancer)
        }
        try mistakes.check()
        return services
    }

    /// What can be run and keeps services or nodes from ever being up, so that it is likely not meant: a quorum that can never be met, and
    /// files of certificates and programs of checks that cannot be used, and groups whose members cannot use the API.
    func doubts(about services: [LoadBalancer]) -> [StartupFailure] {
        var doubts: [StartupFailure] = []
        if let file = checkAuthorities, let failure = CertificateFiles.failure(of: file) {
            doubts.append(StartupFailure(.config, "[health] ca_file: \(quoted(file)) cannot be used: \(failure)"))
        }
        for program in checkPrograms where !RegularFile.isExecutable(program) {
            doubts.append(
                StartupFailure(
                    .config, "[health] programs: \(quoted(program)) is not a file that this user may run; checks by it would fail"))
        }
        for loadBalancer in services {
            let name = ServiceSection.prefix + loadBalancer.id.text
            guard let section = sections[name], let service = ServiceSection(name: name, section, path: configurationFile ?? "") else {
                continue
            }
            if let complaint = loadBalancer.quorumComplaint { doubts.append(service.failure(complaint.sentence, at: complaint.field)) }
            if let file = loadBalancer.monitor?.tls.authorities, let failure = CertificateFiles.failure(of: file) {
                doubts.append(service.failure("monitor.ca_file: \(quoted(file)) cannot be used: \(failure)", at: "monitor.ca_file"))
            }
        }
        return doubts + api.doubts()
    }
}

extension LoadBalancer {
    /// Why its quorum can never be met, and the field at fault; nil where it can. The nodes of the configuration file are all that there
    /// will be.
    fileprivate var quorumComplaint: (field: String, sentence: String)? {
        guard let quorum else { return nil }
        let most = ServiceHealth().weightInService(self)
        if UInt64(quorum) > most {
            return ("quorum", "quorum: \(quorum) can never be met: the weights of the nodes in service are \(most) together")
        }
        if UInt64(quorum) + UInt64(hysteresis) > most {
            return (
                "hysteresis",
                "hysteresis: the service comes up with a weight of \(quorum) + \(hysteresis), and the weights of the nodes in service are "
                    + "\(most) together, so that it never would"
            )
        }
        return nil
    }
}
