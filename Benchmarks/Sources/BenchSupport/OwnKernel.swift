import Foundation

/// Has the kernel forward packets, which the driver asks for. Network namespaces that are made later take it over.
package func forwardPackets() throws { try "1".write(toFile: "/proc/sys/net/ipv4/ip_forward", atomically: false, encoding: .utf8) }

/// What stands before a command that is to run on a kernel that is booted for it.
///
/// - Parameters:
///   - rig: the program that boots it.
///   - megabytes: the memory of the kernel.
///   - seconds: after so long all is ended.
package func ownKernel(_ rig: String, megabytes: Int, seconds: Int) -> [String] {
    // The kernel has one processor. Where the host moves it to and fro between its own, all takes three times as long now and then.
    ["taskset", "--cpu-list", lastProcessor, rig, "-m", "\(megabytes)", "-t", "\(seconds)"]
}

/// The figures that a program prints, each in a line with its name. What else it prints is said.
package func figures(of command: [String]) throws -> [String: [Double]] {
    let process = try ChildProcess(command, readsOutput: true)
    var figures: [String: [Double]] = [:]
    let status = process.readLines { line in
        let words = line.split(separator: " ")
        if words.count == 2, let figure = Double(words[1]) {
            figures[String(words[0]), default: []].append(figure)
        } else {
            say(line + "\n")
        }
    }
    guard status == 0 else { throw BenchFailure("\(command.joined(separator: " ")) ended with \(status)") }
    return figures
}
