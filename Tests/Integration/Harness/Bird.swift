import Foundation
import Glibc
import TestSupport
import WorkerHarness

/// A router of its own process, on an address of loopback: BIRD, which takes routes from ExaBGP and gives none to the kernel.
final class Bird: Sendable {
    /// Where it listens.
    let address: String
    let port: UInt16
    private let rig: Rig
    private let name: String

    /// The program and its client are in a folder that the PATH of a user may lack.
    private static let folder = "/usr/sbin/"

    /// A router that is not started yet.
    init(_ rig: Rig, address: String, port: UInt16) throws {
        self.rig = rig
        self.address = address
        self.port = port
        name = "bird-\(address)"
        _ = try rig.write(
            """
            router id 10.255.0.2;
            log "\(rig.path(name)).log" all;
            protocol device {}
            protocol bgp exabgp {
                local \(address) port \(port) as 65002;
                neighbor 127.0.0.1 as 65001;
                multihop;
                passive on;
                strict bind on;
                ipv4 { import all; export none; };
                ipv6 { import all; export none; };
            }

            """, to: "\(name).conf")
    }

    /// Starts it.
    func start() throws -> ChildProcess {
        try rig.run(
            Self.folder + "bird", ["-f", "-c", rig.path("\(name).conf"), "-s", socket, "-P", rig.path("\(name).pid")], name: name)
    }

    /// The path of a socket must be short.
    private var socket: String { rig.path("\(address.suffix(1)).ctl") }

    /// Asks it something; nil where it does not answer.
    private func ask(_ words: String...) async throws -> String? {
        let output = rig.path("\(name)-\(UUID().uuidString)")
        let client = try ChildProcess(
            Self.folder + "birdc", ["-s", socket] + words, folder: rig.folder, output: output, errors: "/dev/null")
        let end = try await client.end()
        defer { try? FileManager.default.removeItem(atPath: output) }
        return end == .exit(0) ? try String(contentsOfFile: output, encoding: .utf8) : nil
    }

    /// A route that it has: to where, and since when.
    struct Route: Hashable {
        let prefix: String
        let since: String
    }

    /// The routes that it has.
    func routes() async throws -> Set<Route> {
        var routes: Set<Route> = []
        for line in (try await ask("show", "route"))?.split(separator: "\n") ?? [] {
            // 10.9.0.5/32          unreachable [exabgp 04:46:15.143 from 127.0.0.1] * (100) [AS65001i]
            let words = line.split(separator: " ")
            if words.count > 3, words[0].contains("/") { routes.insert(Route(prefix: String(words[0]), since: String(words[3]))) }
        }
        return routes
    }

    /// Waits until it has just these host routes.
    func has(_ addresses: Set<String>, within seconds: Double = 300) async throws {
        let expected = Set(addresses.map { $0 + ($0.contains(":") ? "/128" : "/32") })
        try await eventually("\(name) has the routes \(expected.sorted())", within: seconds) {
            Set(try await self.routes().map(\.prefix)) == expected
        }
    }

    /// All that it knows of its routes.
    func details() async throws -> String { try await ask("show", "route", "all") ?? "" }
}
