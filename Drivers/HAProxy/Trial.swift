import Glibc
import HostSystem
import LBaaS
import Synchronization

/// A start of haproxy with the operator's own lines and nothing to serve, in a folder of its own.
///
/// `haproxy -c` finds no fault with lines that only a start carries out, such as `chroot` or a limit that is not allowed. A haproxy that
/// runs would not survive to load them.
final class Trial: Sendable {
    private static let fingerprint = "trial"

    private let settings: Settings
    /// Whether haproxy has started so.
    private let hasPassed = Mutex<Bool>(false)

    init(_ settings: Settings) { self.settings = settings }

    /// Starts a haproxy and ends it, if that was not done with success before. Nothing is done where no line is the operator's, or where
    /// systemd starts haproxy, with other rights.
    ///
    /// - Throws: `refused` where haproxy does not start.
    func check() throws(ApplianceError) {
        let base = settings.base
        if base.globalLines.isEmpty && base.defaultsLines.isEmpty || !base.hasRightsOfWorker { return }
        try hasPassed.withLock { hasPassed throws(ApplianceError) in
            if hasPassed { return }
            try run(in: base.trialFolder)
            hasPassed = true
        }
    }

    /// Starts a haproxy in this folder, which is made and removed, and ends it.
    func run(in folder: String) throws(ApplianceError) {
        try makeFolder(folder)
        var base = settings.base
        (base.runFolder, base.configurationFile) = (folder, folder + "/cfg")
        // It must not take over a socket of the haproxy that runs, nor its number's file. `haproxy -c` reads these lines.
        base.globalLines.removeAll { line in ["stats", "pidfile"].contains(line.prefix { !$0.isWhitespace }) }
        let files = [base.commandSocket, base.peersSocket, base.configurationFile, base.messagesFile, folder + "/b"]
        defer {
            for file in files { unsafe unlink(file) }
            unsafe rmdir(folder)
        }
        let text =
            ConfigurationText(base: base).text(of: [], fingerprint: Self.fingerprint)
            + "\nlisten trial\n    mode tcp\n    bind unix@\(word(folder + "/b"))\n"
        try WholeFile(path: base.configurationFile).write(text)
        let output = unsafe open(base.messagesFile, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if output < 0 { throw .system("cannot write \(base.messagesFile)") }
        defer { close(output) }
        let child = try DetachedProcess(settings.program, ["-db", "-f", base.configurationFile], output: output)
        defer {
            child.kill()
            _ = Deadline(in: .seconds(5)).wait { child.end }
        }
        let isServing = try Deadline(in: settings.reloadTimeout).wait { () throws(ApplianceError) -> Bool? in
            if child.end != nil { return false }
            let answer = try? CommandSocket.ask("show info", at: base.commandSocket)
            return answer.flatMap { ProcessInformation($0) }?.fingerprint == Self.fingerprint ? true : nil
        }
        if isServing == true { return }
        let messages = String(decoding: (try? WholeFile(path: base.messagesFile).read()) ?? [], as: UTF8.self).reasons
        throw ApplianceError(.refused, "haproxy does not start with the lines of global and defaults: \(messages)")
    }
}

extension Settings {
    /// Has haproxy read the operator's own lines and, where the worker starts haproxy, start with them. Nothing of the haproxy that runs is
    /// touched.
    ///
    /// - Throws: where haproxy finds fault with them, or cannot be started at all.
    func checkWithHAProxy() throws(DriverConfiguration.Failure) {
        var template = Array("/tmp/lbaas-check-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw .init(.program, "a folder in /tmp to try haproxy in cannot be made") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unsafe rmdir(folder) }
        do throws(ApplianceError) {
            let file = WholeFile(path: folder + "/cfg")
            defer { file.remove() }
            let text = ConfigurationText(base: base).text(of: [], fingerprint: "") + "\nlisten check\n    mode tcp\n    bind 127.0.0.1:1\n"
            try file.write(text)
            let check = try DetachedProcess.run(program, ["-c", "-f", file.path], within: reloadTimeout)
            if !check.ok { throw ApplianceError(.refused, check.output.reasons) }
            if base.hasRightsOfWorker { try Trial(self).run(in: folder + "/t") }
        } catch {
            throw .init(error.code == .refused ? .global : .program, error.message)
        }
    }
}
