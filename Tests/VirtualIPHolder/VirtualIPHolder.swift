import Glibc
import HostSystem
import LBaaS
import VirtualIPs

/// A worker that has nothing but one virtual IP of the policy `at_most_one`, for tests: renews its right to it without end.
///
/// Usage: `virtual-ip-holder ADDRESS INTERFACE MILLISECONDS`. So long is each right; it is renewed four times in it.
@main enum VirtualIPHolder {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let address = IPAddress(arguments[1]), let time = Int(arguments[3]), time > 0 else { exit(64) }
        let virtualIP = try VirtualIP(address: address, interface: arguments[2], policy: .atMostOne(fence: .kernel))
        let virtualIPs = try VirtualIPs.start([virtualIP], settings: .init(lifetime: 2), log: .silent, notify: { _ in })
        while true {
            virtualIPs.grant([address], until: Clock.bootTime() + .milliseconds(time))
            usleep(UInt32(time) * 1000 / 4)
        }
    }
}
