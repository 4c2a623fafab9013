import Dispatch
import LBaaS
import Synchronization

/// haproxy's configuration file and the file of the servers' states: changed safely, and only where they are ours.
final class ConfigurationKeeper: Sendable {
    /// How long the file may be behind what runs, so that it follows many changes at once.
    private static let delay = DispatchTimeInterval.milliseconds(300)

    private let settings: Settings
    private let log: Log
    private let trace: @Sendable (Step) -> Void
    private let queue = DispatchQueue(label: "haproxy-configuration")
    /// What was written last, or is known to be right; nil where that is not known. Held as long as the files are worked at.
    private let written = Mutex<String?>(nil)
    /// Whether the file is to follow what runs. Not under the lock: nobody who changes haproxy waits for the file.
    private let isToFollow = Atomic<Bool>(false)

    init(_ settings: Settings, log: Log, trace: @escaping @Sendable (Step) -> Void) {
        self.settings = settings
        self.log = log
        self.trace = trace
    }

    private var file: WholeFile { WholeFile(path: settings.base.configurationFile) }
    private var stateFile: WholeFile { WholeFile(path: settings.base.stateFile) }

    /// Whether the file is to follow what runs, and has not yet.
    var isBehind: Bool {
        // Under the lock, for it may just be written.
        written.withLock { _ in isToFollow.load(ordering: .sequentiallyConsistent) }
    }

    /// Makes the folders.
    func makeFolders() throws(ApplianceError) {
        try makeFolder(settings.base.runFolder)
        let path = settings.base.configurationFile
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex { try makeFolder(String(path[..<slash])) }
    }

    /// Refuses a file that somebody else wrote.
    func checkOwner() throws(ApplianceError) { _ = try ownText() }

    /// The file's text; nil where there is none.
    private func ownText() throws(ApplianceError) -> String? {
        guard let bytes = try file.read() else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        if text.hasPrefix(ConfigurationText.marker) || text.isEmpty { return text }
        throw ApplianceError(
            .foreign, "\(file.path) was not written by this worker, so it is not touched; move it away, or name another file with config")
    }

    /// Whether the file is as it was written last, or as this text where that is not known, or is about to be written.
    func isIntact(expecting text: @autoclosure () -> String) throws(ApplianceError) -> Bool {
        try written.withLock { written throws(ApplianceError) in
            if isToFollow.load(ordering: .sequentiallyConsistent) { return true }
            let expected = written ?? text()
            guard try ownText() == expected, file.isPrivate else { return false }
            written = expected
            return true
        }
    }

    /// Puts a new file in place and has haproxy take it. Where haproxy does not, the file is as it was.
    func change<Result: Sendable>(
        to text: String, states: [ServerState], _ load: () throws(ApplianceError) -> Result
    ) throws(ApplianceError) -> Result {
        try written.withLock { written throws(ApplianceError) in
            let found = try ownText()
            let last = written ?? found
            try stateFile.write(ServerState.text(states))
            trace(.statesSaved)
            try install(text)
            do throws(ApplianceError) {
                let result = try load()
                written = text
                isToFollow.store(false, ordering: .sequentiallyConsistent)
                return result
            } catch {
                do throws(ApplianceError) {
                    if let last { try file.write(last) } else { file.remove() }
                    written = last
                } catch {
                    written = nil
                    log.write(.error, "the last good configuration could not be put back", [("error", error.message)])
                }
                throw error
            }
        }
    }

    /// Puts a file in place that haproxy finds no fault with.
    private func install(_ text: String) throws(ApplianceError) {
        try file.prepare(Array(text.utf8))
        trace(.candidateWritten)
        do throws(ApplianceError) {
            let check = try DetachedProcess.run(settings.program, ["-c", "-f", file.candidate], within: settings.reloadTimeout)
            if !check.ok { throw ApplianceError(.refused, "haproxy refused the change: \(check.output.reasons)") }
        } catch {
            file.dropCandidate()
            throw error
        }
        trace(.candidateChecked)
        try file.install()
        trace(.fileInstalled)
    }

    /// Has the files follow what runs, soon and for many changes at once.
    ///
    /// - Parameter content: what is to be in the files by then; nil where nothing runs.
    func follow(_ content: @escaping @Sendable () -> (text: String, states: [ServerState])?) {
        if !isToFollow.exchange(true, ordering: .sequentiallyConsistent) {
            queue.asyncAfter(deadline: .now() + Self.delay) { [weak self] in self?.catchUp(content) }
        }
    }

    private func catchUp(_ content: () -> (text: String, states: [ServerState])?) {
        written.withLock { written in
            // Where haproxy has loaded a file meanwhile, that has it all.
            guard isToFollow.exchange(false, ordering: .sequentiallyConsistent), let (text, states) = content() else { return }
            do throws(ApplianceError) {
                _ = try ownText()
                try install(text)
                written = text
                try stateFile.write(ServerState.text(states))
                trace(.fileFollowed)
            } catch {
                // The next look at what runs finds the file other than it should be.
                written = nil
                log.write(.error, "the configuration file does not follow what haproxy runs", [("error", error.message)])
            }
        }
    }

    /// Has the file of the servers' states say no more than what is wanted, lest a haproxy that is started later takes old news for new.
    func keepStates(_ states: [ServerState]) {
        written.withLock { _ in
            do throws(ApplianceError) {
                try stateFile.write(ServerState.text(states))
            } catch {
                log.write(.error, "the servers' states could not be noted", [("error", error.message)])
            }
        }
    }

    /// Takes the files away, where the configuration is ours.
    func remove() throws(ApplianceError) {
        try written.withLock { written throws(ApplianceError) in
            _ = try ownText()
            file.remove()
            stateFile.remove()
            written = nil
            isToFollow.store(false, ordering: .sequentiallyConsistent)
        }
    }
}
