import Arguments
import DaemonSupport
import Glibc
import KnownDrivers
import LBaaS

// Reading the command line, and nothing else: C callbacks and closures that run on other threads have files of their own,
// because what is written here belongs to the main actor.

let version = "0.1.0"

do throws(StartupFailure) {
    switch try Worker.read(arguments: programArguments(), of: workerDefinition()) {
    case .run(let settings):
        let code = try Worker.run(settings, version: version)
        // Threads that hang may still use what `exit` would take down.
        _exit(code.rawValue)
    case .checkConfig(let settings):
        print(settings.configurationFile.map { "the configuration file \($0) is right" } ?? Worker.noFile)
    case .version:
        print("lbaas-worker \(version)")
    case .help(let text):
        print(text)
    case .otherOf(let settings, let option):
        _exit(try (option == cleanup ? Worker.cleanUp(settings) : Worker.releaseVirtualIPs(settings)).rawValue)
    // It has no commands.
    case .other, .command:
        for driver in KnownDrivers.all { print("\(driver.name)\t\(driver.summary)") }
    }
} catch {
    printError("lbaas-worker", error.messages)
    // As above: a start that fails has threads already.
    _exit(error.code.rawValue)
}
