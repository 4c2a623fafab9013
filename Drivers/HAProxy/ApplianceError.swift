import Glibc
import HostSystem
import LBaaS

/// Why something with haproxy did not work.
struct ApplianceError: Error, Hashable {
    /// What kind of failure it is.
    enum Code: Hashable {
        /// Nobody listens on the socket.
        case notRunning
        /// haproxy, or a file, is not ours.
        case foreign
        /// haproxy refused: the message holds its words.
        case refused
        /// It took too long.
        case late
        /// The system did not do what it was asked for.
        case system
    }

    let code: Code
    /// What, where, and what to do, for the operator.
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The system call that just failed.
    static func system(_ what: String, _ number: Int32 = errno) -> ApplianceError {
        ApplianceError(.system, "\(what): \(errorText(number))")
    }

    /// As the driver's caller gets it.
    var driverError: DriverError { DriverError(message, code: code == .notRunning ? .notRunning : .failed) }
}

extension Deadline {
    /// Asks again and again until the answer is not nil; nil where it is not in time.
    func wait<Answer, Failure>(_ ask: () throws(Failure) -> Answer?) throws(Failure) -> Answer? {
        var pause: UInt32 = 500
        while true {
            if let answer = try ask() { return answer }
            if isOver { return nil }
            usleep(pause)
            pause = min(pause * 2, 10_000)
        }
    }
}
