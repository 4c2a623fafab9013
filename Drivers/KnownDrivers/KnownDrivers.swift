import DummyDriver
import HAProxyDriver
import IPVSDriver
public import LBaaS

/// The drivers that `--driver` knows. A new one is a target under `Drivers` and one line here.
public enum KnownDrivers {
    /// All of them, in the order in which they are listed.
    public static let all: [DriverRegistration] = [
        HAProxyDriver.registration,
        IPVSDriver.registration,
        DummyDriver.registration,
    ]

    /// The driver of this name; nil where none has it.
    public static func named(_ name: String) -> DriverRegistration? {
        all.first { $0.name == name }
    }
}
