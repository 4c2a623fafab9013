import Arguments
import DaemonSupport
import Glibc

// Reading the command line, and nothing else: C callbacks and closures that run on other threads have files of their own,
// because what is written here belongs to the main actor.

let version = "0.1.0"

do throws(StartupFailure) {
    switch try Server.read(arguments: programArguments(), of: serverDefinition()) {
    case .run(let settings):
        let code = try Server.run(settings, version: version)
        // Threads that hang may still use what `exit` would take down.
        _exit(code.rawValue)
    case .checkConfig(let settings):
        print(settings.configurationFile.map { "the configuration file \($0) is right" } ?? Server.noFile)
    case .version: print("lbaas-server \(version)")
    case .help(let text): print(text)
    case .command(let settings, let command) where command.words == UserCommand.definition.words:
        print(try UserCommand.run(command, settings))
    case .command(let settings, _): print(try FleetCommand.run(settings))
    // It has none.
    case .other, .otherOf: break
    }
} catch {
    printError("lbaas-server", error.messages)
    // As above: a start that fails has threads already.
    _exit(error.code.rawValue)
}
