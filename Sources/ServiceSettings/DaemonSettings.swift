package import DaemonSupport
package import LBaaS

/// The settings that each daemon has.
package protocol DaemonSettings: ProgramSettings {
    /// The least level that is logged.
    var logLevel: LogLevel { get set }
    /// How a log line is written.
    var logFormat: LogFormat { get set }
    /// The file that holds the process id.
    var pidFile: String? { get set }
    /// The user to become, a name or a number.
    var user: String? { get set }
    /// The group to become, a name or a number.
    var group: String? { get set }
}

extension DaemonSettings {
    /// These settings.
    ///
    /// - Parameter section: the section of the program itself, which has the pid file.
    package static func daemonTable(section: String) -> [Setting<Self>] {
        [
            Setting(
                "DEFAULT", "log_level", option: "log-level", "LEVEL", "the least level to log: debug, info, warning or error",
                \.logLevel, .name),
            Setting(
                "DEFAULT", "log_format", option: "log-format", "FORMAT", "how log lines are written: text or json", \.logFormat, .name),
            Setting(section, "pid", option: "pid", "FILE", "the file to keep the process id in", optional: \.pidFile, .text),
            Setting("DEFAULT", "user", option: "user", "NAME", "the user to become, when started as root", optional: \.user, .text),
            Setting(
                "DEFAULT", "group", option: "group", "NAME", "the group to become; without it, the user's own groups",
                optional: \.group, .text),
        ]
    }
}
