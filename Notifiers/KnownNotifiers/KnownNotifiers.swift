import BGPNotifier
import DummyNotifier
import ExecNotifier
public import LBaaS

/// The notifiers that the configuration knows. A new one is a target under `Notifiers` and one line here.
public enum KnownNotifiers {
    /// All of them, in the order in which they are listed.
    public static let all: [NotifierRegistration] = [
        BGPNotifier.registration,
        ExecNotifier.registration,
        DummyNotifier.registration,
    ]

    /// The notifier of this name; nil where none has it.
    public static func named(_ name: String) -> NotifierRegistration? {
        all.first { $0.name == name }
    }
}
