import Dispatch
public import LBaaS

/// Does from time to time what a driver needs: looks whether its appliance still runs what is committed, and ends drains.
public final class Upkeeper {
    private let timers: [any DispatchSourceTimer]

    /// How often it is asked which of the real servers that drain have finished.
    private static let drainInterval = DispatchTimeInterval.milliseconds(500)

    /// How often a node that comes back by steps gets more.
    private static let advanceInterval = DispatchTimeInterval.seconds(1)

    /// Begins.
    public init(_ upkeep: Upkeep, of pipeline: CommitPipeline) {
        let queue = DispatchQueue(label: "upkeep")
        var timers: [any DispatchSourceTimer] = []
        func every(_ interval: DispatchTimeInterval, _ work: @escaping @Sendable () -> Void) {
            let timer = DispatchSource.makeTimerSource(queue: queue)
            timer.schedule(deadline: .now() + interval, repeating: interval, leeway: .milliseconds(50))
            timer.setEventHandler(handler: work)
            timer.activate()
            timers.append(timer)
        }
        if let interval = upkeep.resyncInterval { every(.milliseconds(interval.milliseconds)) { pipeline.resync() } }
        if upkeep.drainTimeout != nil { every(Self.drainInterval) { pipeline.endDrains() } }
        if upkeep.checking != .nobody { every(Self.advanceInterval) { pipeline.advance() } }
        self.timers = timers
    }

    /// Ends. What is being done is finished.
    public func stop() { for timer in timers { timer.cancel() } }
}

extension Duration {
    /// At least 1.
    fileprivate var milliseconds: Int { max(1, Int(clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)) }
}
