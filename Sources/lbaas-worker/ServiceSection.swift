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
    private static let prefix = "service:"

    /// How such a section is called where sections are listed.
    static let placeholder = prefix + "NAME"

    /// The keys that a section of this name may have; nil where it is no such section.
    static func keys(of section: String) -> [String]? {
        section.hasPrefix(prefix) && section != prefix ? ConfiguredLoadBalancerReader.fields : nil
    }

    /// A section of the configuration file at this path; nil where its name is another's.
    init?(name: String, _ section: Section, path: String) {
        guard Self.keys(of: name) != nil else { return nil }
        id = String(name.dropFirst(Self.prefix.count))
        self.section = section
        self.path = path
    }

    /// The load balancer.
    ///
    /// - Throws: why it is none that this driver can run, with the place in the file.
    func loadBalancer(
        _ reader: ConfiguredLoadBalancerReader, for driver: any LoadBalancerDriver, named name: String, _ capabilities: Capabilities
    ) throws(StartupFailure) -> LoadBalancer {
        let fields = section.values.sorted { $0.value.line < $1.value.line }.map { (name: $0.key, text: $0.value.text) }
        let loadBalancer: LoadBalancer
        do throws(ConfiguredLoadBalancerReader.Complaint) {
            loadBalancer = try reader.loadBalancer(id: id, fields)
        } catch {
            throw failure(error.sentence, at: error.field)
        }
        if let objection = capabilities.objection(to: loadBalancer, driverName: name) ?? driver.refusal(of: loadBalancer) {
            throw failure("\(objection.field): \(objection.reason)", at: String(objection.field.prefix { $0 != "[" }))
        }
        return loadBalancer
    }

    /// What is wrong with a field: with its key, with those of an object or, where there is none, with the section.
    func failure(_ sentence: String, at field: String) -> StartupFailure {
        let members = section.values.filter { $0.key.hasPrefix(field.prefix { $0 != "." } + ".") }
        let line = section.values[field]?.line ?? members.values.map(\.line).min() ?? section.line
        return StartupFailure(.config, "\(path):\(line): [\(Self.prefix)\(id)] \(sentence)")
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
    /// - Throws: why a section is none that the driver can run, or where two of them would listen on one place.
    func services(for driver: any LoadBalancerDriver) throws(StartupFailure) -> [LoadBalancer] {
        guard let reader = ConfiguredLoadBalancerReader() else { throw StartupFailure(.osError, "out of memory") }
        let capabilities = capabilities(of: driver)
        var listeners = ListenerTable()
        var services: [LoadBalancer] = []
        for (name, section) in sections.sorted(by: { $0.value.line < $1.value.line }) {
            guard let service = ServiceSection(name: name, section, path: configurationFile ?? "") else { continue }
            let loadBalancer = try service.loadBalancer(reader, for: driver, named: self.driver, capabilities)
            if let owner = listeners.claim(loadBalancer.listener, for: loadBalancer.id) {
                throw service.failure(
                    "would listen on \(loadBalancer.listener), where \(quoted(owner.text)) listens already; give it another port or address",
                    at: "port")
            }
            services.append(loadBalancer)
        }
        return services
    }
}
