import LBaaS
import TestSupport

/// The two kinds of addresses that every machine of a lab has.
enum Family: String, CaseIterable, Sendable {
    case v4, v6

    /// The one of two texts that is for this family, read as an address.
    func address(_ v4: String, _ v6: String) throws -> IPAddress {
        let text = self == .v4 ? v4 : v6
        guard let address = IPAddress(text) else { throw Failure("'\(text)' is not an address") }
        return address
    }
}
