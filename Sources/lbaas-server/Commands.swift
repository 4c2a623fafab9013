import Authorization
import DaemonSupport
import FleetAuth
import FleetDispatch
import FleetStore
import Glibc
import HostSystem
import LBaaS
import ServiceSettings
import Terminal

/// `lbaas-server user add NAME`: makes a user at the command line, the first one above all.
enum UserCommand {
    /// How it is given.
    static let definition = ProgramCommand(
        ["user", "add"], operands: ["NAME"],
        options: [
            .init("role", "ROLE", "of user add: viewer, operator or admin", isRequired: true),
            .init("project", "NAME", "of user add: the project of the user (default: default)"),
            .init("password-file", "FILE", "of user add: the file with the password in its first line; without it, standard input"),
        ], "make a user; without one nobody can log in")

    /// Makes the user.
    ///
    /// - Returns: what to print.
    static func run(_ command: GivenCommand, _ settings: Settings) throws(StartupFailure) -> String {
        let name = command.operands[0]
        guard let role = Role(rawValue: command.options["role"] ?? "") else {
            let roles = Role.allCases.map(\.rawValue).joined(separator: ", ")
            throw StartupFailure(.usage, "--role: '\(command.options["role"] ?? "")' is not one of \(roles)")
        }
        if settings.store == .memory {
            throw StartupFailure(.usage, "the store is memory, which other processes do not see: a user would be lost at once")
        }
        let password = try password(of: name, command.options["password-file"])
        try settings.becomeOwner()
        let accounts = try settings.accounts(of: try settings.openStore(log: .silent))
        do throws(AuthError) {
            let project = command.options["project"] ?? "default"
            let user = try accounts.addUser(name, password: password, role: role, project: project, by: .server)
            return "user \(user.name) was made, with the role \(user.role.rawValue), in the project \(project)"
        } catch {
            throw StartupFailure(error.code.exitCode, "user add: \(error.message)")
        }
    }

    private static func password(of name: String, _ file: String?) throws(StartupFailure) -> String {
        if let file { return try PasswordFile.read(file, of: "--password-file") }
        do throws(SecretInput.Failure) {
            return try SecretInput.readNew("Password of \(name)")
        } catch {
            throw StartupFailure(error.isReadFailure ? .ioError : .usage, error.sentence)
        }
    }
}

/// `lbaas-server fleet renew`: has the workers take what the store has, where it was restored from a backup and they have newer states.
enum FleetCommand {
    /// How it is given.
    static let definition = ProgramCommand(
        ["fleet", "renew"], operands: [], options: [],
        "give the store another id, so that workers take what it has; for a store that was restored from a backup")

    /// Gives the store another id.
    ///
    /// - Returns: what to print.
    static func run(_ settings: Settings) throws(StartupFailure) -> String {
        if settings.store == .memory { throw StartupFailure(.usage, "the store is memory, which other processes do not see") }
        if case .sqlite(let folder) = settings.store, !SQLiteStore.exists(in: folder) {
            throw StartupFailure(.usage, "fleet renew: there is no store in \(folder); --store or `store` of [server] names another folder")
        }
        try settings.becomeOwner()
        let store = try settings.openStore(log: .silent)
        do throws(FleetStoreError) {
            try Dispatcher.renewFleetID(of: store)
        } catch {
            throw StartupFailure(error.code.exitCode, "fleet renew: \(error.message)")
        }
        return "the store has another id, and the workers will take what it has"
    }
}

extension Settings {
    /// Becomes the user of the server, so that it can use what is made: the one of the settings or, for root, the owner of the folder of the store.
    fileprivate func becomeOwner() throws(StartupFailure) {
        umask(umask(0o077) | 0o077)
        if let privileges = try Privileges.look(user: user, group: group) { return try privileges.assume() }
        var status = stat()
        guard geteuid() == 0, case .sqlite(let folder) = store, unsafe stat(folder, &status) == 0, status.st_uid != 0 else { return }
        try Privileges(user: .init(id: status.st_uid, name: nil), group: status.st_gid).assume()
    }
}

extension AuthError.Code {
    /// What a command that fails with it answers.
    fileprivate var exitCode: ExitCode {
        switch self {
        case .unavailable, .busy, .delayed, .conflict: .tempFail
        case .invalid, .exists, .notFound: .usage
        case .denied, .badCredentials, .badToken: .noPermission
        case .failed: .osError
        }
    }
}
