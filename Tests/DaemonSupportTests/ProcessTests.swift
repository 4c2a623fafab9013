import DaemonSupport
import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct PidFileTests {
    @Test func itHoldsTheNumberAndGoesAtTheEnd() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("pid")
        let file = try PidFile(path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())\n")
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode.map { $0 & 0o022 } == 0)
        file.remove()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func itCannotBeHeldTwice() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("pid")
        let first = try PidFile(path)
        #expect(throws: StartupFailure(.tempFail, "the pid file \(path) is held by a process that runs, number \(getpid())")) {
            _ = try PidFile(path)
        }
        first.remove()
        try PidFile(path).remove()
    }

    @Test func oneLeftBehindByADeadProcessDoesNoHarm() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("pid")
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let file = try PidFile(path)
            kill(getpid(), SIGKILL)
            file.remove()
        }
        #expect(FileManager.default.fileExists(atPath: path))
        let file = try PidFile(path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())\n")
        file.remove()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(arguments: ["precious\n", "", "42\n", "42", "999999999\n"]) func aFileThatNoWorkerMadeIsLeftAlone(text: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(text, to: "pid")
        #expect(
            throws: StartupFailure(.cantCreate, "\(path) exists and is not a pid file of this program; remove it or name another one")
        ) { _ = try PidFile(path) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    @Test func whatIsNoRegularFileIsLeftAlone() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("pid")
        try #require(mkfifo(path, 0o600) == 0)
        chmod(path, 0o1600)
        #expect(throws: StartupFailure.self) { _ = try PidFile(path) }
        let link = folder.file("link")
        try #require(symlink(try folder.write("7\n", to: "target"), link) == 0)
        #expect(throws: StartupFailure.self) { _ = try PidFile(link) }
        #expect(try String(contentsOfFile: folder.file("target"), encoding: .utf8) == "7\n")
    }

    @Test(.enabled(if: geteuid() == 0)) func aFolderFromWhichItCannotBeRemovedIsRefused() async throws {
        let folder = try TemporaryFolder()
        chmod(folder.path, 0o755)
        await #expect(processExitsWith: .success) { [path = folder.file("pid") as String] in
            try Privileges(user: .init(id: 987_654, name: nil), group: 987_655).assume()
            do throws(StartupFailure) {
                _ = try PidFile(path)
            } catch {
                exit(error.code == .cantCreate && error.message.contains("user 987654") && access(path, F_OK) != 0 ? 0 : 1)
            }
            exit(2)
        }
    }

    @Test func aFolderThatIsNotThereIsNamed() {
        #expect(throws: StartupFailure.self) {
            do throws(StartupFailure) {
                _ = try PidFile("/nonexistent/pid")
            } catch {
                #expect(error.code == .cantCreate)
                #expect(
                    error.message.hasPrefix("the pid file /nonexistent/pid cannot be made by user \(geteuid()): No such file or directory"))
                throw error
            }
        }
    }
}

@Suite struct PrivilegesTests {
    @Test func namesAndNumbersAreLookedUp() throws {
        #expect(try Privileges.look(user: nil, group: nil) == nil)
        let root = Privileges(user: .init(id: 0, name: "root"), group: 0)
        #expect(try Privileges.look(user: "root", group: nil) == root)
        #expect(try Privileges.look(user: "0", group: nil) == root)
        #expect(try Privileges.look(user: "root", group: "4242") == Privileges(user: root.user, group: 4242))
        #expect(try Privileges.look(user: nil, group: "root") == Privileges(user: nil, group: 0))
        let stranger = Privileges(user: .init(id: 987_654, name: nil), group: 987_655)
        #expect(try Privileges.look(user: "987654", group: "987655") == stranger)
    }

    @Test(arguments: [
        ("no-such-user", nil, "--user: there is no user 'no-such-user'; create it, for instance with systemd-sysusers"),
        ("root", "no-such-group", "--group: there is no group 'no-such-group'; create it, for instance with systemd-sysusers"),
        ("987654", nil, "--user: there is no user with the number 987654, so its group is not known; give it with --group"),
    ])
    func whoDoesNotExistIsNamed(user: String, group: String?, message: String) {
        #expect(throws: StartupFailure(.noUser, message)) { try Privileges.look(user: user, group: group) }
    }

    @Test func whoTheProcessIsAlreadyNeedsNoRights() throws {
        try Privileges(user: .init(id: getuid(), name: nil), group: getgid()).assume()
    }

    @Test(.enabled(if: geteuid() == 0)) func rootBecomesAnotherUserForGood() async {
        await #expect(processExitsWith: .success) {
            let someone = Privileges(user: .init(id: 987_654, name: nil), group: 987_655)
            try someone.assume()
            guard getuid() == 987_654, geteuid() == 987_654, getgid() == 987_655, getegid() == 987_655 else { exit(1) }
            var groups = [gid_t](repeating: 0, count: 8)
            guard getgroups(8, &groups) == 1, groups[0] == 987_655 else { exit(2) }
            // Back to root is refused, and says why.
            do throws(StartupFailure) {
                try Privileges(user: .init(id: 0, name: "root"), group: 0).assume()
            } catch {
                exit(error.code == .noPermission && error.message.contains("only root") ? 0 : 3)
            }
            exit(4)
        }
    }
}

@Suite struct ServiceManagerTests {
    /// In a process of its own, because what systemd tells a service is in environment variables.
    @Test func systemdHearsWhatTheProgramSays() async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .success) { [path = folder.file("notify") as String] in
            let listener = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
            guard bound == 0 else { exit(1) }
            setenv("NOTIFY_SOCKET", path, 1)
            setenv("WATCHDOG_USEC", "30000000", 1)
            ServiceManager.ready()
            ServiceManager.status("4 connections\nSTOPPING=1")
            ServiceManager.alive()
            ServiceManager.stopping()
            ServiceManager.extendTimeout(by: .seconds(40))
            var heard: [String] = []
            var buffer = [UInt8](repeating: 0, count: 256)
            while case let count = recv(listener, &buffer, buffer.count, 0), count > 0 {
                heard.append(String(decoding: buffer[..<count], as: UTF8.self))
            }
            let isRight =
                heard == ["READY=1", "STATUS=4 connections STOPPING=1", "WATCHDOG=1", "STOPPING=1", "EXTEND_TIMEOUT_USEC=40000000"]
            exit(isRight && ServiceManager.watchdogInterval == .seconds(30) ? 0 : 2)
        }
    }

    @Test func elsewhereNothingHappens() async {
        await #expect(processExitsWith: .success) {
            unsetenv("NOTIFY_SOCKET")
            unsetenv("WATCHDOG_USEC")
            ServiceManager.ready()
            exit(ServiceManager.watchdogInterval == nil ? 0 : 1)
        }
    }
}
