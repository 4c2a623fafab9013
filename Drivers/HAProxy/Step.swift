/// The steps of a change, at each of which the worker can end. Whoever wants to see that no such end does harm is told of each.
package enum Step: String, CaseIterable, Sendable {
    /// The new file lies beside the old one.
    case candidateWritten
    /// haproxy has looked at the new file.
    case candidateChecked
    /// How the servers are is in the file for the next process.
    case statesSaved
    /// The process that serves will outlive its last connection.
    case processHeld
    /// The new file is in place.
    case fileInstalled
    /// haproxy was told to load it, or was started.
    case loadOrdered
    /// The new process serves.
    case loaded
    /// The running haproxy has done a batch of commands.
    case commandsDone
    /// The file was made to match what haproxy runs.
    case fileFollowed
    /// haproxy was told to end.
    case stopOrdered
    /// haproxy listens no more.
    case stopped
}
