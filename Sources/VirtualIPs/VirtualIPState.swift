public import LBaaS

/// What happens to a virtual IP. The names are LINK's.
public enum VirtualIPEvent: String, Hashable, Sendable, CaseIterable {
    /// Nobody can tell any more who has the address.
    case fault
    /// This host has the right to the address.
    case elected
    /// This host has no right to the address, or not any more.
    case demoted
    /// What is behind the address does not work.
    case healthCheckFail = "health_check_fail"
    /// What is behind the address works.
    case healthCheckSuccess = "health_check_success"
}

extension VirtualIPState {
    /// The state after an event. Every event is answered in every state:
    ///
    /// | | fault | elected | demoted | health_check_fail | health_check_success |
    /// |---|---|---|---|---|---|
    /// | BOOTING | ACTIVATED | ACTIVATED | STANDBY | FAILING | BOOTING |
    /// | ACTIVATED | ACTIVATED | ACTIVATED | STANDBY | FAILING | ACTIVATED |
    /// | STANDBY | ACTIVATED | ACTIVATED | STANDBY | FAILING | STANDBY |
    /// | FAILING | FAILING | FAILING | FAILING | FAILING | STANDBY |
    ///
    /// With `at_most_one` a fault gives nobody a right: it leaves the state as it is, and makes STANDBY of BOOTING.
    public func after(_ event: VirtualIPEvent, policy: VirtualIP.Policy) -> VirtualIPState {
        switch (self, event) {
        case (.failing, .healthCheckSuccess): .standby
        case (.failing, _), (_, .healthCheckFail): .failing
        case (_, .healthCheckSuccess): self
        case (_, .elected): .activated
        case (_, .demoted): .standby
        case (_, .fault) where policy == .atLeastOne: .activated
        case (.booting, .fault): .standby
        case (_, .fault): self
        }
    }
}
