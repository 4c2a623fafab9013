import Foundation
import Glibc
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// A program that is told what becomes of services.
    @Suite struct EventPrograms {
        @Test func itIsToldEachEventAndHowServicesAreAtTheStart() async throws {
            try await withProgram("cat >> events") { trial in
                let gearmand = trial.gearmand
                let worker = try await trial.start()
                try await gearmand.succeed(job("CREATE", loadBalancer("web", port: 80, weights: 2, 3)))
                try await gearmand.succeed(job("SUSPEND", named("web")))
                // A job that takes a service down waits until the program has ended.
                try #expect(trial.events.map(\.shown) == ["UP web *:80 weight 5", "DOWN web *:80 weight 0: suspended"])
                try await gearmand.succeed(job("ENABLE", named("web")))
                var moved = loadBalancer("web", port: 81)
                moved["address"] = "127.0.0.9"
                try await gearmand.succeed(job("CREATE", moved))
                #expect(try await worker.end() == .exit(0))
                _ = try await trial.start()
                let shown = [
                    "UP web *:80 weight 5", "DOWN web *:80 weight 0: moved to 127.0.0.9:81/tcp", "UP web 127.0.0.9:81 weight 1",
                    "initially UP web 127.0.0.9:81 weight 1",
                ]
                try await eventually("the program is told") { try trial.events.count == 6 }
                try #expect(trial.events.map(\.shown).dropFirst(2) == shown[...])
                try await gearmand.succeed(job("DELETE"))
                try #expect(trial.events.last?.shown == "DOWN web 127.0.0.9:81 weight 0: deleted")
                for event in try trial.events {
                    #expect(event["transport"] == "tcp" && event["quorum"] == .null && event["time"].text?.hasSuffix("Z") == true)
                }
            }
        }

        @Test func oneThatHangsHoldsUpAJobForTwoSecondsAndIsEndedAtItsTime() async throws {
            try await withProgram("echo $$ >> pids; exec sleep 600") { trial in
                trial.section["timeout"] = "6"
                let worker = try await trial.start()
                try await trial.gearmand.succeed(job("CREATE", loadBalancer("web"), loadBalancer("shop", port: 81)))
                try await trial.gearmand.succeed(job("DELETE", named("web"), named("shop")))
                let late = try await worker.log.lines("a notifier could not hand on in time that services go", count: 1)
                #expect(late.map { $0["services"] } == ["2"])
                #expect(try worker.log.lines("exec notifier: the program took too long").isEmpty)
                try await worker.says("exec notifier: the program took too long, and was ended")
                // It is run for the next event all the same; at the end of the worker it is left to itself.
                try await eventually("it is run again") { try trial.lines("pids").count == 2 }
                #expect(try await worker.end(within: 60) == .exit(0))
                for pid in try trial.lines("pids").compactMap({ pid_t($0) }).dropFirst() { kill(pid, SIGKILL) }
            }
        }

        @Test func oneThatIsNotThereIsAnErrorWithItsLine() async throws {
            try await withProgram("") { trial in
                trial.section["program"] = trial.rig.path("missing")
                for arguments in [[], ["--check-config"]] {
                    let (end, errors) = try await trial.rig.runWorker(trial.options(arguments))
                    #expect(end == .exit(78))
                    #expect(errors.contains("worker.conf:3: program: ") && errors.contains("No such file or directory"), "\(errors)")
                }
            }
        }
    }
}

extension JSON {
    /// `UP web *:80 weight 5: REASON`.
    fileprivate var shown: String {
        var text = self["initial"] == true ? "initially " : ""
        text += "\(self["event"].text ?? "?") \(self["loadBalancer"].text ?? "?") \(self["address"].text ?? "*"):\(self["port"])"
        return text + " weight \(self["weight"])" + (self["reason"].text.map { ": \($0)" } ?? "")
    }
}

/// A job server, and workers that run a script for each event in the rig's folder.
private final class EventTrial {
    let rig: Rig
    let gearmand: Gearmand
    /// The section `[notifier:exec]` of the next worker.
    var section: [String: String]

    init(_ rig: Rig, script: String) async throws {
        self.rig = rig
        gearmand = try await rig.startGearmand()
        section = ["program": "/bin/sh", "arguments": try rig.write("cd \(rig.folder)\n\(script)\n", to: "script")]
    }

    func options(_ arguments: [String] = []) -> WorkerOptions {
        var options = rig.options(gearmand)
        options.configuration = ["notifier:exec": section].text
        options.arguments = arguments
        return options
    }

    func start() async throws -> WorkerProcess { try await rig.startWorker(options()) }

    /// The lines of a file that the script writes; none where there is no such file yet.
    func lines(_ name: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: rig.path(name)) else { return [] }
        return try String(contentsOfFile: rig.path(name), encoding: .utf8).split(separator: "\n").map(String.init)
    }

    /// What the script wrote of its standard input to the file `events`.
    var events: [JSON] { get throws { try lines("events").map { try JSON(bytes: Array($0.utf8)) } } }
}

private func withProgram(_ script: String, _ body: (EventTrial) async throws -> Void) async throws {
    try await withRig { rig in try await body(try await EventTrial(rig, script: script)) }
}
