import DaemonSupport
import Foundation
import KnownDrivers
import KnownNotifiers
import LBaaS
import TestSupport
import Testing

@testable import lbaas_worker

/// The names of the drivers, as an error lists them.
let driverNames = KnownDrivers.all.map(\.name).joined(separator: ", ")

/// Their sections, those of the notifiers, of virtual IPs and of services, as an error lists them.
let driverSections =
    (KnownDrivers.all.map { "[worker:\($0.name)]" } + KnownNotifiers.all.map { "[notifier:\($0.name)]" } + [
        "[virtual_ip:NAME]", "[source:kubernetes]", "[service:NAME]",
    ])
    .joined(separator: ", ")

/// Reads the settings of a command line without the name of the program, and of a configuration file with this text.
///
/// The file stands where the usual one does, so that it need not exist.
func read(_ arguments: [String] = [], file: String? = nil) throws -> Invocation<Settings> {
    let folder = try TemporaryFolder()
    let path = try file.map { try folder.write($0, to: "lbaas.conf") } ?? folder.file("missing.conf")
    return try Worker.read(arguments: ["lbaas-worker"] + arguments, of: workerDefinition(defaultFile: path))
}

/// The settings that hold with the dummy driver, whose choice is added to the command line.
func settings(_ arguments: [String] = [], file: String? = nil) throws -> Settings {
    guard case .run(let settings) = try read(arguments + ["--driver", "dummy"], file: file) else {
        throw NotARun()
    }
    return settings
}

/// The failure of a command line and file, with the folder taken out of its messages.
func failure(_ arguments: [String] = [], file: String? = nil) throws -> StartupFailure {
    withoutFolder(try #require(throws: StartupFailure.self) { try read(arguments, file: file) })
}

/// A failure without the folder of its configuration file.
func withoutFolder(_ failure: StartupFailure) -> StartupFailure {
    var mistakes = Mistakes()
    for message in failure.messages {
        mistakes.add(StartupFailure(failure.code, message.replacing(#/^\S*/(?=(lbaas|missing)\.conf)/#, with: "")))
    }
    do throws(StartupFailure) {
        try mistakes.check()
        return failure
    } catch {
        return error
    }
}

private struct NotARun: Error {}
