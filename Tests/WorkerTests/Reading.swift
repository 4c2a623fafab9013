import Foundation
import KnownDrivers
import LBaaS
import Testing

@testable import lbaas_worker

/// The names of the drivers, as an error lists them.
let driverNames = KnownDrivers.all.map(\.name).joined(separator: ", ")

/// Their sections, as an error lists them.
let driverSections = (KnownDrivers.all.map { "[worker:\($0.name)]" } + ["[service:NAME]"]).joined(separator: ", ")

/// Reads the settings of a command line without the name of the program, and of a configuration file with this text.
///
/// The file stands where the usual one does, so that it need not exist.
func read(_ arguments: [String] = [], file: String? = nil) throws -> Invocation {
    let folder = try TemporaryFolder()
    let path = try file.map { try folder.write($0) } ?? folder.file("missing.conf")
    return try readSettings(arguments: ["lbaas-worker"] + arguments, drivers: KnownDrivers.all, defaultFile: path)
}

/// The settings that hold with the dummy driver, whose choice is added to the command line.
func settings(_ arguments: [String] = [], file: String? = nil) throws -> Settings {
    guard case .run(let settings) = try read(arguments + ["--driver", "dummy"], file: file) else {
        throw NotARun()
    }
    return settings
}

/// The failure of a command line and file, with the folder taken out of its message.
func failure(_ arguments: [String] = [], file: String? = nil) throws -> StartupFailure {
    let failure = try #require(throws: StartupFailure.self) { try read(arguments, file: file) }
    let message = failure.message.replacing(#/^\S*/(?=(lbaas|missing)\.conf)/#, with: "")
    return StartupFailure(failure.code, message)
}

private struct NotARun: Error {}
