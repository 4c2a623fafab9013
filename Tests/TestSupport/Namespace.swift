import CNamespaces
import Foundation
import Glibc

/// A network namespace: interfaces, addresses, routes and an IPVS table of its own. It is there until the last that uses it is gone: this
/// value, or a socket that was made in it.
package final class Namespace: Sendable {
    private let descriptor: Int32

    /// The namespace that this thread is in.
    package static func home() throws -> Namespace { Namespace(descriptor: try current()) }

    private init(descriptor: Int32) { self.descriptor = descriptor }

    /// A namespace with nothing in it but a loopback interface that is down.
    package init() throws {
        let home = try Self.current()
        defer { close(home) }
        guard unshare(CInt(NETWORK_NAMESPACE)) == 0 else { throw systemError("cannot make a network namespace") }
        defer { Self.enter(home) }
        descriptor = try Self.current()
    }

    /// A namespace that is fit for an IPVS table, with no interface but the loopback.
    package static func director() throws -> Namespace {
        let namespace = try Namespace()
        try namespace.ip("link set lo up")
        try namespace.set(["net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1])
        return namespace
    }

    deinit { close(descriptor) }

    /// A file that stands for it, for programs that this process starts.
    package var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

    /// Runs code on this thread that is in the namespace: sockets that it makes, threads and programs that it starts, and the files below
    /// `/proc/sys/net` that it opens are of the namespace.
    package func run<Value>(_ body: () throws -> Value) throws -> Value {
        let home = try Self.current()
        defer { close(home) }
        Self.enter(descriptor)
        defer { Self.enter(home) }
        return try body()
    }

    /// Sets kernel parameters by the names that `sysctl` has for them.
    package func set(_ parameters: KeyValuePairs<String, some CustomStringConvertible>) throws {
        try run {
            for (name, value) in parameters { try Self.write("\(value)", to: Self.file(of: name)) }
        }
    }

    /// The number that a kernel parameter has.
    package func parameter(_ name: String) throws -> Int {
        try run {
            let text = try String(contentsOfFile: Self.file(of: name), encoding: .utf8)
            guard let number = Int(text.filter { !$0.isWhitespace }) else { throw Failure("\(name) is '\(text)'") }
            return number
        }
    }

    /// Carries out commands of `ip`, one a line, in one go.
    package func ip(_ commands: String) throws {
        _ = try run { try runProgram("/sbin/ip", ["-batch", "-"], input: commands) }
    }

    private static func current() throws -> Int32 {
        let descriptor = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError("cannot open the network namespace") }
        return descriptor
    }

    /// A thread that is left in the wrong namespace would do anything to the wrong system.
    private static func enter(_ descriptor: Int32) {
        guard setns(descriptor, CInt(NETWORK_NAMESPACE)) == 0 else { fatalError("cannot enter a network namespace") }
    }

    private static func file(of parameter: String) -> String {
        "/proc/sys/" + parameter.replacingOccurrences(of: ".", with: "/")
    }

    private static func write(_ text: String, to path: String) throws {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw systemError("cannot open \(path)") }
        defer { close(file) }
        // Not the length: where forwarding of IPv6 is turned on, the kernel answers 1 whatever it is.
        guard Glibc.write(file, text, text.utf8.count) > 0 else { throw systemError("cannot write \(path)") }
    }
}

/// Takes all that root may do from this thread, and from those that it starts.
package func dropCapabilities() throws {
    var header = capability_header(version: UInt32(CAPABILITY_VERSION), pid: 0)
    guard capset(&header, [capability_sets(), capability_sets()]) == 0 else { throw systemError("cannot drop capabilities") }
}
