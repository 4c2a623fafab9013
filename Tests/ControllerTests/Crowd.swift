import Foundation
import LBaaS
import Requests
import Synchronization

@testable import Controller

/// Threads that have jobs done at the same time.
final class Crowd: Sendable {
    private struct State {
        var tasks: [String] = []
        var outcomes: [Int: Outcome] = [:]
    }

    private let state = Mutex(State())
    private let group = DispatchGroup()

    /// Has each job done on a thread of its own.
    func run(_ jobs: [Job], on pipeline: CommitPipeline, from first: Int = 0) {
        for (index, job) in jobs.enumerated() {
            group.enter()
            Thread.detachNewThread { [self] in
                let task = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")) ?? ""
                state.withLock { $0.tasks.append(task) }
                let outcome = pipeline.run(job)
                state.withLock { $0.outcomes[first + index] = outcome }
                group.leave()
            }
        }
    }

    /// Waits until so many threads sleep, which those do that wait for their outcome. Between its start and its wait a thread
    /// can only sleep for a lock that is held for an instant, so they must be seen asleep several times in a row.
    ///
    /// - Returns: false where that takes more than 10 s.
    func waitUntilQueued(_ count: Int) -> Bool {
        let deadline = Date(timeIntervalSinceNow: 10)
        var sightings = 0
        while sightings < 20 {
            if Date() > deadline { return false }
            let tasks = state.withLock { $0.tasks }
            sightings = tasks.count == count && tasks.allSatisfy(Self.sleeps) ? sightings + 1 : 0
            sched_yield()
        }
        return true
    }

    /// Waits for all outcomes, in the order of the jobs.
    func outcomes() -> [Outcome] {
        group.wait()
        return state.withLock { state in state.outcomes.sorted { $0.key < $1.key }.map(\.value) }
    }

    private static func sleeps(_ task: String) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(task)/stat", encoding: .utf8) else { return false }
        return stat.split(separator: ") ").last?.first == "S"
    }
}

extension Bench {
    /// Commits jobs so that they come together: a first one is held in the appliance until all others wait.
    ///
    /// - Returns: the outcome of the first, and those of the others.
    func together(_ first: Job, _ others: [Job]) -> [Outcome]? {
        let crowd = Crowd()
        let gate = driver.hold()
        crowd.run([first], on: pipeline)
        gate.waitForArrival()
        crowd.run(others, on: pipeline, from: 1)
        let isQueued = crowd.waitUntilQueued(others.count + 1)
        gate.open()
        let outcomes = crowd.outcomes()
        return isQueued ? outcomes : nil
    }
}

extension Job {
    static func create(_ balancers: LoadBalancer...) -> Self { .commit(.change(.create(balancers))) }
    static func delete(_ selection: Selection) -> Self { .commit(.change(.delete(selection))) }
    static func metrics(_ selection: Selection) -> Self { .commit(.metrics(selection)) }
}
