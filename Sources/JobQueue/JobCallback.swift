import CGearman
import Glibc

/// What libgearman calls with a job, on the thread that waits in `gearman_worker_work`.
///
/// - The job and its workload are libgearman's and live until the callback returns.
/// - The context is the connection's `JobContext`, which its thread keeps until the connection is freed.
/// - The reply is copied to the socket or into libgearman's buffer before `gearman_job_send_complete` returns.
///
/// It returns success even where sending failed: libgearman then finds the connection lost by itself, and the job server gives
/// the job to another connection.
let answerJob: @convention(c) (UnsafeMutablePointer<gearman_job_st>?, UnsafeMutableRawPointer?) -> gearman_return_t = { job, context in
    guard let job = unsafe job, let context = unsafe context else { return GEARMAN_ERROR }
    let handler = unsafe Unmanaged<JobContext>.fromOpaque(context).takeUnretainedValue().handler
    let handle = unsafe gearman_job_handle(job).map { unsafe String(cString: $0) } ?? ""
    let workload = unsafe UnsafeRawBufferPointer(start: gearman_job_workload(job), count: gearman_job_workload_size(job))
    let answer = handler(handle, unsafe workload.bytes)
    _ = unsafe answer.reply.withUnsafeBytes { bytes in
        unsafe gearman_job_send_complete(job, bytes.baseAddress, bytes.count)
    }
    answer.afterwards()
    // Others are let run once, the client among them. Mostly the next job is there then, and the job server need not put this connection
    // to sleep and wake it, which costs more than many a job.
    sched_yield()
    return GEARMAN_SUCCESS
}
