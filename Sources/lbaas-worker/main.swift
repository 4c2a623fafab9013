import Glibc
import KnownDrivers
import KnownNotifiers
import LBaaS

// Reading the command line, and nothing else: C callbacks and closures that run on other threads have files of their own,
// because what is written here belongs to the main actor.

let version = "0.1.0"

do throws(StartupFailure) {
    switch try readSettings(arguments: CommandLine.arguments, drivers: KnownDrivers.all, notifiers: KnownNotifiers.all) {
    case .run(let settings):
        exit(try Worker.run(settings, version: version).rawValue)
    case .checkConfig(let settings):
        try Worker.check(settings)
        print("the configuration is right")
    case .listDrivers:
        for driver in KnownDrivers.all { print("\(driver.name)\t\(driver.summary)") }
    case .version:
        print("lbaas-worker \(version)")
    case .help(let text):
        print(text)
    }
} catch {
    printError("lbaas-worker: \(error.message)")
    exit(error.code.rawValue)
}
