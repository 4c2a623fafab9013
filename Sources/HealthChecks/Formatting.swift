import Glibc
import HostSystem

/// What an error number means, in few words.
func shortErrorText(_ number: Int32) -> String {
    switch number {
    case ECONNREFUSED: return "refused"
    case ECONNRESET: return "reset"
    case ETIMEDOUT: return "timed out"
    default:
        let text = errorText(number)
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}

extension Duration {
    /// `2 s`, or `1500 ms` where it is not whole seconds.
    var text: String {
        let (seconds, attoseconds) = components
        return attoseconds == 0 ? "\(seconds) s" : "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000) ms"
    }
}

extension [ClosedRange<UInt16>] {
    /// `200-299,301`.
    var text: String {
        map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}
