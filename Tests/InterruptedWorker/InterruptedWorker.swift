import Controller
import Foundation
import Glibc
import HAProxyDriver
import JobMessages
import LBaaS
import Requests
import StateStore
import Synchronization

/// A worker without its connections, for tests: answers the jobs given, and is killed at a step of its driver.
///
/// Usage: `interrupted-worker FOLDER STEP JOB...`. The step is the number of the one at which it is killed, the first being 1; 0 for
/// none. Each reply is a line of standard output.
@main enum InterruptedWorker {
    static func main() throws {
        var arguments = CommandLine.arguments.dropFirst()
        guard let folder = arguments.popFirst(), let fatal = arguments.popFirst().flatMap({ Int($0) }) else { exit(64) }
        let steps = Steps(fatal: fatal)
        let driver = try HAProxyDriver(
            DriverConfiguration(["run_dir": folder + "/run", "config": folder + "/etc/haproxy.cfg"]), log: .silent,
            systemctl: "/nonexistent", trace: { steps.take($0) })
        let now: @Sendable () -> Timestamp = { Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)) }
        let pipeline = try CommitPipeline(
            driver: driver, driverName: "haproxy", store: try StateStore(folder: folder + "/state"), log: .silent, now: now)
        let surroundings = LBaaSController.Surroundings(
            version: "1", release: "1", diagnose: { .refused(Refusal(.invalid, "no diagnosis")) })
        let runner = LBaaSController(pipeline: pipeline, driver: driver, driverName: "haproxy", surroundings: surroundings)
        let messages = JobMessages()
        for job in arguments {
            let bytes = Array(job.utf8)
            print(String(decoding: messages.answer(bytes.span.bytes) { runner.perform($0) }.reply, as: UTF8.self))
        }
        // The file follows a moment after the answer; that belongs to the steps too.
        let end = Date() + 5
        while driver.isFileBehind, Date() < end { usleep(2000) }
    }
}

/// The steps of the driver.
private final class Steps: Sendable {
    private let fatal: Int
    private let count = Atomic<Int>(0)

    init(fatal: Int) { self.fatal = fatal }

    func take(_ step: Step) {
        if count.add(1, ordering: .sequentiallyConsistent).newValue == fatal {
            kill(getpid(), SIGKILL)
            // Not one step further, however long that takes.
            while true { pause() }
        }
    }
}
