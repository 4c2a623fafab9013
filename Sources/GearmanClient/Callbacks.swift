import CGearman

/// What a worker answers, as far as it has come.
final class ReceivedAnswer {
    /// The answer; nil as long as there is none.
    var bytes: [UInt8]?
    /// How many bytes it has, also where they are too many to be kept.
    var size = 0
}

/// Called by libgearman when a job is answered. The context of the task is a `ReceivedAnswer` that somebody keeps meanwhile.
let completeTask: @convention(c) @Sendable (UnsafeMutablePointer<gearman_task_st>?) -> gearman_return_t = { task in
    guard let context = unsafe gearman_task_context(task) else { return GEARMAN_SUCCESS }
    let answer = unsafe Unmanaged<ReceivedAnswer>.fromOpaque(context).takeUnretainedValue()
    answer.size = unsafe gearman_task_data_size(task)
    if answer.size > GearmanClient.longestAnswer { return GEARMAN_SUCCESS }
    answer.bytes = unsafe gearman_task_data(task).map { unsafe Array(UnsafeRawBufferPointer(start: $0, count: answer.size)) } ?? []
    return GEARMAN_SUCCESS
}
