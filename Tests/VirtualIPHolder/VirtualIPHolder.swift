import Glibc
import HostSystem
import LBaaS
import VirtualIPs

/// A worker that has nothing but virtual IPs of the policy `at_most_one`, for tests: renews its right to them without end.
///
/// Usage: `virtual-ip-holder INTERFACE MILLISECONDS ADDRESS...`. So long is each right; it is renewed four times in it.
@main enum VirtualIPHolder {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 3, let time = Int(arguments[2]), time > 0 else { exit(64) }
        let addresses = arguments[3...].compactMap { IPAddress($0) }
        let list = try addresses.map { try VirtualIP(address: $0, interface: arguments[1], policy: .atMostOne(fence: .kernel)) }
        let virtualIPs = try VirtualIPs.start(list, settings: .init(lifetime: max(2, time / 1000 + 1)), log: .silent, notify: { _ in })
        while true {
            virtualIPs.grant(addresses, until: Clock.bootTime() + .milliseconds(time))
            usleep(UInt32(time) * 1000 / 4)
        }
    }
}
