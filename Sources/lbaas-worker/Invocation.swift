import LBaaS

/// What the program was started for.
enum Invocation: Sendable, Equatable {
    /// Take jobs.
    case run(Settings)
    /// Say that these settings are right.
    case checkConfig(Settings)
    /// Name the drivers.
    case listDrivers
    /// Print the version.
    case version
    /// Print this text.
    case help(String)
}

/// Reads the command line, whose first word is the name of the program, and the configuration file, and checks both.
///
/// The file is the one that `--config-file` names, which must exist, or else `defaultFile`, which need not.
func readSettings(
    arguments: [String], drivers: [DriverRegistration], notifiers: [NotifierRegistration] = [],
    defaultFile: String = "/etc/lbaas/lbaas.conf"
) throws(StartupFailure) -> Invocation {
    let options = try CommandLineOptions(arguments)
    switch options.request {
    case .listDrivers: return .listDrivers
    case .version: return .version
    case .help: return .help(HelpText.make(defaultFile: defaultFile))
    case .run: return .run(try effectiveSettings(options, drivers: drivers, notifiers: notifiers, defaultFile: defaultFile))
    case .checkConfig: return .checkConfig(try effectiveSettings(options, drivers: drivers, notifiers: notifiers, defaultFile: defaultFile))
    }
}

/// The defaults, what the file says over them, and what the command line says over both.
private func effectiveSettings(
    _ options: CommandLineOptions, drivers: [DriverRegistration], notifiers: [NotifierRegistration], defaultFile: String
) throws(StartupFailure) -> Settings {
    var settings = Settings()
    let file = try ConfigurationFile.read(options.configurationFile ?? defaultFile, mustExist: options.configurationFile != nil)
    let known =
        drivers.map { (name: "worker:\($0.name)", keys: $0.keys.map(\.name)) }
        + notifiers.map { (name: "notifier:\($0.name)", keys: $0.keys.map(\.name)) }
    try file?.apply(to: &settings, known: known)
    try options.apply(to: &settings)
    try checkDriver(settings, options: options, file: file, drivers: drivers)
    return settings
}

/// Refuses a driver that this program does not have, and says where its name came from.
private func checkDriver(
    _ settings: Settings, options: CommandLineOptions, file: ConfigurationFile?, drivers: [DriverRegistration]
) throws(StartupFailure) {
    if drivers.contains(where: { $0.name == settings.driver }) { return }
    let known = drivers.isEmpty ? "there are none" : "the drivers are \(drivers.map(\.name).joined(separator: ", "))"
    if options.has(option: "driver") {
        throw StartupFailure(.usage, "--driver: '\(settings.driver)' is not a driver of this program; \(known)")
    }
    if let file, let setting = SettingsTable.setting(section: "worker", key: "driver"), let line = file.line(of: setting) {
        throw StartupFailure(.config, "\(file.path):\(line): driver: '\(settings.driver)' is not a driver of this program; \(known)")
    }
    throw StartupFailure(.usage, "--driver: '\(settings.driver)', the default, is not a driver of this program; \(known)")
}
