import CGearman
import Foundation
import Glibc
import TestSupport

/// A client of job servers over libgearman, for one thread.
package final class GearmanClient {
    /// Why there was no answer.
    package struct Unanswered: Error, CustomStringConvertible {
        package let code: gearman_return_t

        package var description: String { "no answer: " + String(cString: gearman_strerror(code)) }
    }

    private let ports: [UInt16]
    private let function: String
    private let timeout: Double
    private var client: UnsafeMutablePointer<gearman_client_st>?

    /// A client that is not connected yet.
    ///
    /// - Parameter timeout: how long an answer may take, in seconds.
    package init(ports: [UInt16], function: String, timeout: Double) {
        self.ports = ports
        self.function = function
        self.timeout = timeout
    }

    deinit { disconnect() }

    /// Submits a job in the foreground and waits for the answer.
    ///
    /// - Throws: `Unanswered` where there is none, or the job server says that the job failed.
    package func submit(_ job: [UInt8]) throws -> [UInt8] {
        let client = try connect()
        var size = 0
        var code = GEARMAN_SUCCESS
        // Without a name for the job libgearman asks libuuid for one, which sets the umask of the whole process to 0 for a moment; with
        // two threads it can stay 0, and what other tests make can be written by every user.
        let name = UUID().uuidString
        let answer = job.withUnsafeBytes { bytes in
            // libgearman takes an address with no bytes behind it for a mistake.
            gearman_client_do(client, function, name, bytes.isEmpty ? nil : bytes.baseAddress, bytes.count, &size, &code)
        }
        defer { free(answer) }
        guard code == GEARMAN_SUCCESS else {
            // A connection on which an answer may still come is of no more use.
            disconnect()
            throw Unanswered(code: code)
        }
        return Array(UnsafeRawBufferPointer(start: answer, count: answer == nil ? 0 : size))
    }

    /// Submits a job, and again where the job server is lost, as a client does that wants its answer.
    package func submitUntilAnswered(_ job: [UInt8], within seconds: Double = 60) throws -> [UInt8] {
        let deadline = Deadline(seconds: seconds)
        while true {
            do {
                return try submit(job)
            } catch {
                if deadline.isOver { throw error }
                usleep(2000)
            }
        }
    }

    private func connect() throws -> UnsafeMutablePointer<gearman_client_st> {
        if let client { return client }
        guard let new = gearman_client_create(nil) else { throw Failure("out of memory") }
        gearman_client_set_timeout(new, Int32(timeout * 1000))
        for port in ports { gearman_client_add_server(new, "127.0.0.1", in_port_t(port)) }
        client = new
        return new
    }

    private func disconnect() {
        if let client { gearman_client_free(client) }
        client = nil
    }
}
